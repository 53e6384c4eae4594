package workspaces

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/shopspring/decimal"

	"github.com/ezscale/ezscale/app/fail"
	"github.com/ezscale/ezscale/app/seal"
	"github.com/ezscale/ezscale/tenants"
)

// Card is a workspace as pages and the API show it.
type Card struct {
	Workspace
	PlanName      string          `db:"plan_name"`
	PricePerHour  decimal.Decimal `db:"price_per_hour"`
	Currency      string          `db:"currency"`
	BlockSeconds  int             `db:"block_seconds"`
	Driver        string          `db:"driver"`
	PlanIdleStop  int             `db:"plan_idle_stop"` // minutes, 0 for never
	IconURL       string          `db:"icon_url"`
	ServiceStatus string          `db:"service_status"`
	OwnerEmail    string          `db:"owner_email"`
	OwnerName     string          `db:"owner_name"`
}

// Plan is what is sold.
type Plan struct {
	ID            uuid.UUID        `db:"id"`
	ServiceType   string           `db:"service_type"`
	Name          string           `db:"name"`
	Description   string           `db:"description"`
	WorkspaceType string           `db:"workspace_type"` // developer or business
	VCPU          int              `db:"vcpu"`
	RAMMB         int              `db:"ram_mb"`
	Price         *decimal.Decimal `db:"price"` // a month; nil where there is no subscription
	PricePerHour  decimal.Decimal  `db:"price_per_hour"`
	BlockSeconds  int              `db:"block_seconds"`
	Currency      string           `db:"currency"`
	Status        string           `db:"status"`
	Driver        string           `db:"driver"`            // kasm or docker
	IdleStop      int              `db:"idle_stop_minutes"` // 0 for never
}

// Template is what a desktop is made from.
type Template struct {
	ID            uuid.UUID `db:"id"`
	Name          string    `db:"name"`
	Description   string    `db:"description"`
	WorkspaceType string    `db:"workspace_type"`
	IconURL       string    `db:"icon_url"`
	Apps          []string  `db:"preinstalled_apps"`
	Status        string    `db:"status"`
}

// Trouble is something that a person should look at.
type Trouble struct {
	Tenant      string    // the shop's slug; "" for a desktop host
	WorkspaceID uuid.UUID // uuid.Nil for a desktop host
	ServiceID   uuid.UUID
	What        string // failed, stuck or unreachable
	Sentence    string
	Since       time.Time
}

type troubleRow struct {
	ID        uuid.UUID `db:"id"`
	ServiceID uuid.UUID `db:"service_id"`
	Status    Status    `db:"status"`
	Observed  Observed  `db:"observed_state"`
	Failure   string    `db:"failure"`
	ChangedAt time.Time `db:"changed_at"`
}

// Attention lists what the operator should look at: hosts that do not answer,
// workspaces that failed within a week, and states that should have passed long
// ago. It opens every shop, so it is for a page that somebody asked for.
func (s *Service) Attention(ctx context.Context) ([]Trouble, error) {
	var hosts []silent
	if err := s.DB.CentralRead(ctx, silentQ(&hosts)); err != nil {
		return nil, err
	}
	var all []Trouble
	for _, h := range hosts {
		all = append(all, Trouble{What: "unreachable", Sentence: h.Name + ": " + h.Error, Since: h.At})
	}
	var mu sync.Mutex
	now := s.Clock.Now()
	err := s.DB.Each(ctx, func(ctx context.Context, t tenants.Tenant) error {
		var rows []troubleRow
		if err := s.DB.Read(ctx, t, troubleQ(&rows, now.Add(-7*24*time.Hour), now.Add(-2*s.Patience))); err != nil {
			return err
		}
		mu.Lock()
		defer mu.Unlock()
		for _, r := range rows {
			all = append(all, trouble(t, r))
		}
		return nil
	})
	return all, err
}

func trouble(t tenants.Tenant, r troubleRow) Trouble {
	found := Trouble{Tenant: t.Slug, WorkspaceID: r.ID, ServiceID: r.ServiceID, What: "failed", Sentence: r.Failure, Since: r.ChangedAt}
	if r.Status != Failed {
		found.What, found.Sentence = "stuck", "The desktop host has not confirmed what was asked for; it last reported "+string(r.Observed)+"."
	}
	return found
}

// Credentials opens the sign-in of a workspace's account on the desktop host, for
// its customer; empty until the desktop was asked for. Errors: NotFound.
func (s *Service) Credentials(ctx context.Context, t tenants.Tenant, who Who, id uuid.UUID) (username, password string, err error) {
	var row liveRow
	var found bool
	if err := s.DB.Read(ctx, t, byIDQ(&row, &found, id)); err != nil {
		return "", "", err
	}
	if !found || !who.Staff && row.UserID != who.UserID {
		return "", "", fail.Missing("workspace")
	}
	password, err = s.Password(t, row.Workspace)
	return row.Username, password, err
}

// Password opens the password of a workspace that its customer was given to see;
// empty until the desktop was asked for.
func (s *Service) Password(t tenants.Tenant, w Workspace) (string, error) {
	if len(w.Password) == 0 {
		return "", nil
	}
	plain, err := s.Sealer.Open(w.Password, seal.Context(t.ID, seal.DesktopPassword))
	return string(plain), err
}

// DestroyAll destroys every workspace of a shop that is being closed.
func (s *Service) DestroyAll(ctx context.Context, t tenants.Tenant, by string) error {
	var ids []uuid.UUID
	if err := s.DB.Read(ctx, t, tenants.ListQ(&ids, notDestroyed)); err != nil {
		return err
	}
	var failed []error
	for _, id := range ids {
		if _, err := s.Destroy(ctx, t, Who{Staff: true}, id, by); err != nil {
			failed = append(failed, err)
		}
	}
	return errors.Join(failed...)
}
