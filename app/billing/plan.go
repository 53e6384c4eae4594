package billing

import (
	"context"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/google/uuid"
	"github.com/shopspring/decimal"

	"github.com/ezscale/ezscale/app/fail"
	"github.com/ezscale/ezscale/app/money"
	"github.com/ezscale/ezscale/tenants"
)

// blockSizes are the block lengths a plan may be sold in, in seconds (R2).
var blockSizes = []int{60, 300, 600, 900, 1800, 3600}

// The longest idle stop and the longest session that a plan may set, in minutes.
const (
	longestIdle    = 7 * 24 * 60
	longestSession = 366 * 24 * 60
)

// The statuses of a plan. One that is retired takes no new orders; desktops that were
// ordered with it go on.
const (
	PlanActive  = "active"
	PlanRetired = "deprecated"
)

// Plan is what a shop sells, at the shop's own prices. The wholesale side stays
// with the provider's catalogue.
type Plan struct {
	ID            uuid.UUID        `db:"id"`
	Type          string           `db:"service_type"`
	CatalogPlanID string           `db:"catalog_plan_id"`
	Name          string           `db:"name"`
	Description   string           `db:"description"`
	WorkspaceType string           `db:"workspace_type"` // developer, business
	VCPU          int              `db:"vcpu"`
	RAMMB         int              `db:"ram_mb"`
	Price         *decimal.Decimal `db:"price"` // a month, nil when there is none
	PricePerHour  decimal.Decimal  `db:"price_per_hour"`
	BlockSeconds  int              `db:"block_seconds"`
	IncludedHours int              `db:"included_hours"`
	TrialDays     int              `db:"trial_days"` // before the first month is billed
	Currency      string           `db:"currency"`
	Version       int              `db:"version"`
	Status        string           `db:"status"`
	Driver        string           `db:"driver"`              // the kind of host: kasm or docker
	IdleStop      int              `db:"idle_stop_minutes"`   // until a desktop that nobody uses is stopped, 0 for never
	MaxSession    int              `db:"max_session_minutes"` // the host's own hard end of a run, 0 for none
	Clipboard     bool             `db:"allow_clipboard"`
	Upload        bool             `db:"allow_upload"`
	Download      bool             `db:"allow_download"`
}

// Rate is the price of an hour for people: "$0.20".
func (p Plan) Rate() string { return money.Rate(p.PricePerHour, p.Currency) }

// BlockPrice is what one block costs, exactly, for people: "$0.0375".
func (p Plan) BlockPrice() string {
	return money.Usage(p.PricePerHour, int64(p.BlockSeconds), p.Currency).Format()
}

// Block is the length of one block.
func (p Plan) Block() time.Duration { return time.Duration(p.BlockSeconds) * time.Second }

// PlanChange says what to change of a plan; nil leaves a thing as it is.
type PlanChange struct {
	Type          string
	Name          *string
	Description   *string
	Status        *string // active; deprecated is not sold any more
	PricePerHour  *decimal.Decimal
	Price         *decimal.Decimal
	BlockSeconds  *int
	IncludedHours *int
	TrialDays     *int
	Driver        *string
	IdleStop      *int // minutes
	MaxSession    *int // minutes
	Clipboard     *bool
	Upload        *bool
	Download      *bool
	Actor         string
	// Then runs in the same transaction, for whoever keeps to what has changed; nil
	// for nobody.
	Then func(ctx context.Context, tx tenants.Tx, before, after Plan) error
}

// SetPlan changes a plan. Its prices are for sessions that start from now on: those
// under way keep what they began with (R4). Errors: NotFound, Invalid with the
// fields name, description, price_per_hour, price, block_seconds, included_hours, trial_days, driver,
// idle_stop, max_session.
func (s *Service) SetPlan(ctx context.Context, t tenants.Tenant, change PlanChange) (Plan, error) {
	if err := change.Check(); err != nil {
		return Plan{}, err
	}
	var plan Plan
	err := s.db.In(ctx, t, func(tx tenants.Tx) (err error) {
		plan, err = ChangePlan(ctx, tx, change)
		return err
	})
	return plan, err
}

// ChangePlan is SetPlan in the caller's transaction, for whoever changes several
// plans at once.
func ChangePlan(ctx context.Context, tx tenants.Tx, change PlanChange) (Plan, error) {
	if err := change.Check(); err != nil {
		return Plan{}, err
	}
	before, err := lockPlan(ctx, tx, change.Type)
	if err != nil {
		return Plan{}, err
	}
	plan, err := updatePlan(ctx, tx, change)
	if err != nil {
		return Plan{}, err
	}
	if err := auditPlan(ctx, tx, change.Actor, plan); err != nil || change.Then == nil {
		return plan, err
	}
	return plan, change.Then(ctx, tx, before, plan)
}

// The longest texts of a plan, in characters; the name stands on every invoice line.
const (
	longestName        = 60
	longestDescription = 300
)

// Check says what is wrong with a change before anything is asked of the database.
func (c PlanChange) Check() error {
	wrong := fail.Fields{}
	c.checkTexts(wrong)
	price := func(field string, d *decimal.Decimal) {
		switch {
		case d == nil:
		case d.IsNegative() || d.GreaterThan(decimal.NewFromInt(100_000)):
			wrong.Add(field, "Give a price from 0 to 100000.")
		case d.Exponent() < -6:
			wrong.Add(field, "Give at most 6 decimal places.")
		}
	}
	price("price_per_hour", c.PricePerHour)
	price("price", c.Price)
	if c.BlockSeconds != nil && !slices.Contains(blockSizes, *c.BlockSeconds) {
		wrong.Add("block_seconds", "A block is 60, 300, 600, 900, 1800 or 3600 seconds.")
	}
	if c.IncludedHours != nil && (*c.IncludedHours < 0 || *c.IncludedHours > 744) {
		wrong.Add("included_hours", "Give 0 to 744 hours.")
	}
	if c.TrialDays != nil && (*c.TrialDays < 0 || *c.TrialDays > 365) {
		wrong.Add("trial_days", "Give 0 to 365 days.")
	}
	if c.Driver != nil && !slices.Contains([]string{"kasm", "docker"}, *c.Driver) {
		wrong.Add("driver", "Desktops are made by kasm or docker.")
	}
	if c.IdleStop != nil && (*c.IdleStop < 0 || *c.IdleStop > longestIdle) {
		wrong.Add("idle_stop", "Give 0 (never) to %d minutes.", longestIdle)
	}
	if c.MaxSession != nil && (*c.MaxSession < 0 || *c.MaxSession > longestSession) {
		wrong.Add("max_session", "Give 0 (no limit) to %d minutes.", longestSession)
	}
	return wrong.Err()
}

func (c PlanChange) checkTexts(wrong fail.Fields) {
	if c.Name != nil && (strings.TrimSpace(*c.Name) == "" || !plain(*c.Name, longestName)) {
		wrong.Add("name", "Give a name of 1 to %d characters.", longestName)
	}
	if c.Description != nil && !plain(*c.Description, longestDescription) {
		wrong.Add("description", "Use at most %d characters.", longestDescription)
	}
	if c.Status != nil && *c.Status != PlanActive && *c.Status != PlanRetired {
		wrong.Add("status", "A plan is active or deprecated.")
	}
}

// plain says that a text is short enough and has no characters that nobody sees.
func plain(text string, longest int) bool {
	return utf8.ValidString(text) && utf8.RuneCountInString(text) <= longest && !strings.ContainsFunc(text, unicode.IsControl)
}
