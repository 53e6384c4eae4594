package workspaces

import (
	"context"
	"log/slog"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/ezscale/ezscale/app/bus"
	"github.com/ezscale/ezscale/app/clock"
	"github.com/ezscale/ezscale/app/fail"
	"github.com/ezscale/ezscale/tenants"
)

const (
	workspacesPerUser = 10
	defaultPatience   = 3 * time.Minute
)

// Credit answers whether a customer may start something that costs money. Its
// refusal is a fail.PaymentRequired.
type Credit interface {
	MayStart(ctx context.Context, tx tenants.Tx, user uuid.UUID) error
}

// Opening says which run of which desktop a session is about.
type Opening = struct {
	WorkspaceID uuid.UUID
	UserID      uuid.UUID
	PlanID      uuid.UUID
	Run         int
	DesktopID   string
	StartedBy   string
}

// Meter opens, proves and closes sessions inside the caller's transaction.
type Meter interface {
	Open(ctx context.Context, tx tenants.Tx, o Opening, at time.Time) (started time.Time, err error)
	Prove(ctx context.Context, tx tenants.Tx, workspaces []uuid.UUID, at time.Time) error
	// Close takes the zero time for "at the last proof of running".
	Close(ctx context.Context, tx tenants.Tx, workspace uuid.UUID, at time.Time, by string) (stopped time.Time, err error)
	Standings(ctx context.Context, tx tenants.Tx, workspaces []uuid.UUID) (map[uuid.UUID]Standing, error)
	// HoldStart holds the first block of a run that was asked for. Its refusal is a
	// fail.PaymentRequired.
	HoldStart(ctx context.Context, tx tenants.Tx, o Opening) error
	// Reserve holds the next blocks of running workspaces, whose rows are locked.
	Reserve(ctx context.Context, tx tenants.Tx, workspaces []uuid.UUID) ([]Reserved, error)
	// Release gives back what is held for workspaces that will not run.
	Release(ctx context.Context, tx tenants.Tx, workspaces []uuid.UUID) error
	// Lock takes the locks that changing some workspaces, whose rows are locked, and
	// proving others at a time will need, in the order in which everybody takes them.
	Lock(ctx context.Context, tx tenants.Tx, changed, proved []uuid.UUID, at time.Time) error
}

// Reserved is where the money for a running workspace stands: at which time nobody
// pays any more, and whether credit or a cap is the reason.
type Reserved = struct {
	WorkspaceID uuid.UUID
	StopAt      time.Time
	StopBy      string
}

// Standing is where an open session stands.
type Standing = struct {
	LastProofAt time.Time
	PaidUntil   time.Time
}

// Sealer keeps the passwords of desktop accounts unreadable in the database.
type Sealer interface {
	Seal(plain, context []byte) []byte
	Open(sealed, context []byte) ([]byte, error)
}

// Config is what the service is made of. All but Terms, Patience and AccessURL are needed.
type Config struct {
	DB       *tenants.DB
	Clock    clock.Clock      // business time
	Wall     func() time.Time // for leases
	Credit   Credit
	Meter    Meter
	Terms    Terms // nil where nothing costs by the month
	Fleet    Fleet
	Sealer   Sealer
	Log      *slog.Logger
	Patience time.Duration // how long a start may take, in business time; 3 minutes when zero
	// AccessURL makes the address that a customer opens a desktop by; the shop's
	// own launch page when nil.
	AccessURL func(t tenants.Tenant, id uuid.UUID) string
}

// Service is every use case of a desktop. Each is one transaction; nothing leaves
// the process inside it.
type Service struct {
	Config
	images    imageCache
	rooms     roomKeeper
	preparing preparations
	reserves  reserves
	poked     func(tenants.Tenant)
	look      func(context.Context) error            // asks the hosts now
	lookSince func(context.Context, time.Time) error // unless they were asked since
}

// New makes the service.
func New(c Config) *Service {
	if c.Patience <= 0 {
		c.Patience = defaultPatience
	}
	if c.AccessURL == nil {
		c.AccessURL = launchPage
	}
	return &Service{Config: c, poked: func(tenants.Tenant) {}, look: func(context.Context) error { return nil },
		lookSince: func(context.Context, time.Time) error { return nil }}
}

func launchPage(t tenants.Tenant, id uuid.UUID) string {
	return "https://" + t.Host() + "/workspaces/" + id.String() + "/launch"
}

// Order is what a customer asks for. SessionDuration is in seconds, 0 for none.
type Order struct {
	ID              uuid.UUID // of the workspace to be; a repeated order with the same id is the first one. uuid.Nil makes a new one
	UserID          uuid.UUID
	PlanType        string // such as developer_basic
	Template        string // a template's name, whatever its case; "" takes the first that fits
	SessionDuration int
	Limit           RunLimit // of the first run alone
	StartedBy       string   // customer, staff or api
}

// Who acts: a customer sees their own workspaces, staff see all of the shop.
type Who struct {
	UserID uuid.UUID
	Staff  bool
}

// Order takes an order: a service and its workspace, to be provisioned. Errors:
// Invalid (workspace_type, template, session_duration, run_for, run_budget), Forbidden (code
// email_unverified, or an account that is not active), PaymentRequired (R16),
// Conflict (code workspace_limit), Unavailable for a shop that is suspended or, with
// the code no_capacity, when no desktop host has room.
func (s *Service) Order(ctx context.Context, t tenants.Tenant, o Order) (w Workspace, err error) {
	if o.ID == uuid.Nil {
		o.ID = uuid.New()
	}
	err = s.withRoom(ctx, func(rooms Rooms) error {
		w, err = s.order(ctx, t, o, rooms)
		if tenants.IsUnique(err, "kasm_workspaces_pkey") { // the same order, taken at the same moment
			w, err = s.order(ctx, t, o, rooms)
		}
		return err
	})
	return w, err
}

func (s *Service) order(ctx context.Context, t tenants.Tenant, o Order, rooms Rooms) (w Workspace, err error) {
	err = s.DB.In(ctx, t, func(tx tenants.Tx) (err error) {
		first, err := own(ctx, tx, Who{UserID: o.UserID}, o.ID)
		if !fail.Is(err, fail.NotFound) {
			w = first
			return err
		}
		if err := mayBuy(ctx, tx, o.UserID); err != nil {
			return err
		}
		p, tpl, err := choose(ctx, tx, o)
		if err != nil {
			return err
		}
		if err := s.Credit.MayStart(ctx, tx, o.UserID); err != nil {
			return err
		}
		if err := rooms.take(p.Driver, nil, p.VCPU, p.RAMMB); err != nil {
			return err
		}
		w = s.ordered(tx, o, p, tpl)
		if err := w.limitRun(o.Limit, price{p.PricePerHour, p.BlockSeconds, tx.Tenant().Currency}); err != nil {
			return err
		}
		if err := s.place(ctx, tx, &w); err != nil {
			return err
		}
		return s.subscribe(ctx, tx, &w)
	})
	return w, err
}

func mayBuy(ctx context.Context, tx tenants.Tx, user uuid.UUID) error {
	b, err := lockBuyer(ctx, tx, user)
	switch {
	case err != nil:
		return err
	case b.Status != "active":
		return fail.New(fail.Forbidden, "This account is not active; please contact the shop.")
	case !b.Verified:
		return fail.Coded(fail.Forbidden, "email_unverified", "Verify your e-mail address first; we can send the link again.")
	case b.Live >= b.Limit:
		return fail.Coded(fail.Conflict, "workspace_limit", "You have %d workspaces, which is as many as this shop allows; destroy one first.", b.Live)
	}
	return mayStart(tx.Tenant())
}

func mayStart(t tenants.Tenant) error {
	if t.Status.Open() {
		return nil
	}
	return fail.New(fail.Unavailable, "This shop does not start desktops at the moment.")
}

func choose(ctx context.Context, tx tenants.Tx, o Order) (p plan, tpl template, err error) {
	wrong := fail.Fields{}
	p, known, err := findPlan(ctx, tx, o.PlanType)
	if err != nil {
		return p, tpl, err
	}
	if !known {
		wrong.Add("workspace_type", "There is no plan of this type; choose one from the list.")
	}
	if o.SessionDuration < 0 || o.SessionDuration > 366*24*3600 {
		wrong.Add("session_duration", "Give a number of seconds, or leave it out for no limit.")
	}
	if known {
		_ = o.Limit.seconds(price{p.PricePerHour, p.BlockSeconds, tx.Tenant().Currency}, wrong)
	}
	name := strings.TrimSpace(o.Template)
	tpl, found, err := findTemplate(ctx, tx, name, p.WorkspaceType)
	switch {
	case err != nil:
		return p, tpl, err
	case !found && (known || name != ""):
		wrong.Add("template", "There is no such template; choose one from the list.")
	case known && tpl.WorkspaceType != p.WorkspaceType:
		wrong.Add("template", "This template is for %s plans; choose one that fits.", tpl.WorkspaceType)
	}
	return p, tpl, wrong.Err()
}

func (s *Service) ordered(tx tenants.Tx, o Order, p plan, tpl template) Workspace {
	now := tx.Now()
	deadline := now.Add(s.Patience)
	w := Workspace{
		ID: o.ID, ServiceID: uuid.New(), UserID: o.UserID, PlanID: p.ID, TemplateID: tpl.ID, WorkspaceType: p.ServiceType, TemplateName: tpl.Name,
		VCPU: p.VCPU, RAMMB: p.RAMMB, Desired: WantRunning, Observed: SeenNone, Run: 1, StartedBy: o.StartedBy, DeadlineAt: &deadline, CreatedAt: now,
	}
	if o.SessionDuration > 0 {
		w.SessionDuration = &o.SessionDuration
	}
	w.AccessURL = s.AccessURL(tx.Tenant(), w.ID)
	w.changed(now)
	return w
}

func (s *Service) place(ctx context.Context, tx tenants.Tx, w *Workspace) error {
	if err := insertService(ctx, tx, w); err != nil {
		return err
	}
	if err := insertWorkspace(ctx, tx, w); err != nil {
		return err
	}
	if err := s.Meter.HoldStart(ctx, tx, openingOf(w)); err != nil {
		return err
	}
	if err := bus.Due(ctx, tx, DueDeadline, w.ID.String(), *w.DeadlineAt, nil); err != nil {
		return err
	}
	return bus.Append(ctx, tx, EventOrdered, by(w, w.StartedBy))
}

// openingOf is the run that a workspace was just asked for.
func openingOf(w *Workspace) Opening {
	o := Opening{WorkspaceID: w.ID, UserID: w.UserID, PlanID: w.PlanID, Run: w.Run, StartedBy: w.StartedBy}
	if w.DesktopID != nil {
		o.DesktopID = *w.DesktopID
	}
	return o
}

func by(w *Workspace, who string) Happened {
	h := happened(w)
	h.By = who
	return h
}

// own locks a workspace that who may see; anybody else's is missing.
func own(ctx context.Context, tx tenants.Tx, who Who, id uuid.UUID) (Workspace, error) {
	row, err := ownRow(ctx, tx, who, id)
	return row.Workspace, err
}

func ownRow(ctx context.Context, tx tenants.Tx, who Who, id uuid.UUID) (liveRow, error) {
	row, err := lockWorkspace(ctx, tx, id)
	if err == nil && !who.Staff && row.UserID != who.UserID {
		err = fail.Missing("workspace")
	}
	return row, err
}

// Start asks for a workspace to run. When it does or will already, nothing
// happens and it is returned as it is. Errors: NotFound, Conflict (destroyed),
// PaymentRequired (R16), Unavailable for a shop that is suspended or, with the code
// no_capacity, when no desktop host has room.
func (s *Service) Start(ctx context.Context, t tenants.Tenant, who Who, id uuid.UUID, startedBy string) (Workspace, error) {
	return s.start(ctx, t, who, id, wanted{by: startedBy})
}

// StartFresh is Start with a new desktop: the one that the workspace had is given up
// with its files. It is for one that does not come up any more.
func (s *Service) StartFresh(ctx context.Context, t tenants.Tenant, who Who, id uuid.UUID, startedBy string) (Workspace, error) {
	return s.start(ctx, t, who, id, wanted{by: startedBy, fresh: true})
}

// wanted is how a start is asked for.
type wanted struct {
	by    string
	fresh bool
	limit RunLimit
}

func (s *Service) start(ctx context.Context, t tenants.Tenant, who Who, id uuid.UUID, how wanted) (w Workspace, err error) {
	err = s.withRoom(ctx, func(rooms Rooms) error {
		return s.DB.In(ctx, t, func(tx tenants.Tx) error {
			row, err := ownRow(ctx, tx, who, id)
			if err == nil {
				err = s.startIn(ctx, tx, &row, rooms, how)
			}
			w = row.Workspace
			return err
		})
	})
	return w, err
}

// startIn is a start inside a transaction that holds the row's lock.
func (s *Service) startIn(ctx context.Context, tx tenants.Tx, row *liveRow, rooms Rooms, how wanted) error {
	w, occupied := &row.Workspace, row.Occupies()
	asked, err := w.Start(tx.Now(), s.Patience, how.by)
	if err != nil || !asked {
		return err
	}
	if how.fresh {
		w.startOver()
	}
	if err := s.mayRestart(ctx, tx, w.UserID); err != nil {
		return err
	}
	if err := w.limitRun(how.limit, priceOf(tx, row)); err != nil {
		return err
	}
	if !occupied {
		if err := rooms.take(row.Driver, w.bound(), w.VCPU, w.RAMMB); err != nil {
			return err
		}
	}
	if err := s.Meter.HoldStart(ctx, tx, openingOf(w)); err != nil {
		return err
	}
	return s.restart(ctx, tx, w)
}

func (s *Service) mayRestart(ctx context.Context, tx tenants.Tx, user uuid.UUID) error {
	if err := mayStart(tx.Tenant()); err != nil {
		return err
	}
	b, err := lockBuyer(ctx, tx, user)
	if err == nil && b.Status != "active" {
		err = fail.New(fail.Forbidden, "This account is not active; please contact the shop.")
	}
	if err != nil {
		return err
	}
	return s.Credit.MayStart(ctx, tx, user)
}

func (s *Service) restart(ctx context.Context, tx tenants.Tx, w *Workspace) error {
	if err := save(ctx, tx, w); err != nil {
		return err
	}
	if w.ProvisionedAt == nil {
		if err := setService(ctx, tx, w.ServiceID, "provisioning", nil); err != nil {
			return err
		}
	}
	if err := bus.Due(ctx, tx, DueDeadline, w.ID.String(), *w.DeadlineAt, nil); err != nil {
		return err
	}
	return bus.Append(ctx, tx, EventStartRequested, by(w, w.StartedBy))
}
