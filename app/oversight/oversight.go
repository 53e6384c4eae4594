// Package oversight is what the provider's people see of the installation as a
// whole: the log of what was done, the settings that hold for every shop, and one
// list of what needs somebody, from whichever part of the program it comes.
package oversight

import (
	"context"
	"encoding/json"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/ezscale/ezscale/app/fail"
	"github.com/ezscale/ezscale/tenants"
)

// Service changes what the operators may change.
type Service struct{ db *tenants.DB }

// New makes the service.
func New(db *tenants.DB) *Service { return &Service{db: db} }

// Entry is one line of the provider's log.
type Entry struct {
	ID       int64           `db:"id"`
	At       time.Time       `db:"at"`
	Actor    string          `db:"actor"`
	TenantID *uuid.UUID      `db:"tenant_id"`
	Action   string          `db:"action"`
	Subject  string          `db:"subject"`
	Detail   json.RawMessage `db:"detail"`
}

// LogFilter narrows the log; empty parts narrow nothing. Before is the number of
// the line above, 0 for the newest page.
type LogFilter struct {
	Actor, Action string // Action also by its beginning: "tenant" finds tenant.created
	Tenant        uuid.UUID
	From, Until   *time.Time // Until is not included
	Before        int64
}

// Who gives customers support.
const (
	SupportReseller = "reseller"
	SupportProvider = "provider"
)

// Settings hold for every shop that nothing else was agreed with.
type Settings struct {
	TrialDays    int    `db:"trial_days"`   // of a new reseller when its form says nothing; 0 is no trial
	TrialEnd     string `db:"trial_end"`    // suspend, or active: a trial that ends becomes a sale
	DefaultTier  string `db:"default_tier"` // of a new reseller
	MinCustomers int    `db:"min_customers"`
	Support      string `db:"support"`
	SupportEmail string `db:"support_email"` // of the provider, shown to resellers
	DomainGrace  int    `db:"domain_grace"`  // days until a name that points elsewhere is given up
	TermDays     int    `db:"term_days"`
	SuspendDays  int    `db:"suspend_days"`
}

var mailRule = regexp.MustCompile(`^[^@\s<>"]+@[^@\s<>"]+\.[^@\s<>"]+$`)

func (v Settings) check() fail.Fields {
	wrong := fail.Fields{}
	for _, f := range []struct {
		name      string
		n         int
		low, high int
	}{{"trial_days", v.TrialDays, 0, 365}, {"min_customers", v.MinCustomers, 0, 1_000_000}, {"domain_grace", v.DomainGrace, 1, 90},
		{"term_days", v.TermDays, 0, 365}, {"suspend_days", v.SuspendDays, 0, 365}} {
		if f.n < f.low || f.n > f.high {
			wrong.Add(f.name, "Give a whole number from %d to %d.", f.low, f.high)
		}
	}
	if v.TrialEnd != "suspend" && v.TrialEnd != "active" {
		wrong.Add("trial_end", "Choose what happens when a trial ends.")
	}
	if v.Support != SupportReseller && v.Support != SupportProvider {
		wrong.Add("support", "Choose who gives support.")
	}
	if v.SupportEmail != "" && !mailRule.MatchString(v.SupportEmail) {
		wrong.Add("support_email", "Write an address such as help@example.com.")
	}
	if v.Support == SupportProvider && v.SupportEmail == "" {
		wrong.Add("support_email", "Say where customers' questions go.")
	}
	return wrong
}

// Save replaces the settings and notes what changed. Errors: Invalid with fields.
func (s *Service) Save(ctx context.Context, actor string, v Settings) error {
	v.SupportEmail = strings.TrimSpace(v.SupportEmail)
	wrong := v.check()
	if len(wrong) > 0 {
		return wrong.Err()
	}
	return s.db.Central(ctx, func(tx tenants.CentralTx) error {
		known, err := tierExists(ctx, tx, v.DefaultTier)
		if err != nil {
			return err
		}
		if !known {
			return fail.Fields{"default_tier": "Choose one of the tiers."}.Err()
		}
		before, err := settingsForUpdate(ctx, tx)
		if err != nil {
			return err
		}
		changed := map[string]string{}
		old, now := before.values(), v.values()
		for key, value := range now {
			if old[key] == value {
				continue
			}
			changed[key] = old[key] + " → " + value
			if err := saveSetting(ctx, tx, key, value); err != nil {
				return err
			}
		}
		if len(changed) == 0 {
			return nil
		}
		return record(ctx, tx, actor, "settings.changed", "", changed)
	})
}

// values are the settings under the keys that they are stored by.
func (v Settings) values() map[string]string {
	return map[string]string{"trial_days": strconv.Itoa(v.TrialDays), "trial_end": v.TrialEnd, "default_tier": v.DefaultTier, "minimum_customers": strconv.Itoa(v.MinCustomers),
		"support_by": v.Support, "support_email": v.SupportEmail, "domain_grace_days": strconv.Itoa(v.DomainGrace),
		"wholesale_term_days": strconv.Itoa(v.TermDays), "wholesale_suspend_days": strconv.Itoa(v.SuspendDays)}
}

// Record notes what an operator did that no other part of the program writes down.
func (s *Service) Record(ctx context.Context, actor, action, subject string, detail map[string]string) error {
	return s.db.Central(ctx, func(tx tenants.CentralTx) error { return record(ctx, tx, actor, action, subject, detail) })
}

// Matter is something that needs a person of the provider.
type Matter struct {
	Kind     string          `db:"kind"`
	ID       string          `db:"id"` // within its kind
	TenantID uuid.UUID       `db:"tenant_id"`
	At       time.Time       `db:"at"`
	Summary  string          `db:"summary"`
	Detail   json.RawMessage `db:"detail"`
}

// MatterFilter narrows the list of matters; At and ID are those of the line above.
type MatterFilter struct {
	Kind   string
	Tenant uuid.UUID
	At     *time.Time
	ID     string
}

// The kinds that the installation itself finds; others come from shops' books.
const (
	KindLetter      = "dead_letter"
	KindCertificate = "certificate"
	KindDomain      = "domain"
	KindTrial       = "trial"
	KindMigration   = "migration"
)
