package workspaces

import (
	"context"
	"time"

	"github.com/google/uuid"
	"github.com/shopspring/decimal"

	"github.com/ezscale/ezscale/tenants"
)

const columns = `w.id, w.user_id, w.service_id, w.plan_id, w.template_id, w.workspace_type, w.template_name, w.vcpu, w.ram_mb, w.kasm_server_id, w.kasm_user_id,
    w.kasm_workspace_id, w.access_url, w.username, w.password_encrypted, w.desired_state, w.observed_state, w.status, w.failure, w.failure_code, w.run, w.tries,
    w.started_by, w.changed_at, w.deadline_at, w.session_duration, w.lease_until, w.revision, w.desktop_used, w.created_at, w.provisioned_at, w.last_started_at,
    w.last_stopped_at, w.terminated_at, w.idle_stop_minutes, w.last_used_at, w.idle_warned_at, w.extended_until, w.run_limit, w.run_budget, w.asked_server_id,
    w.extended_at, w.extended_wall, w.scheduled_stop_at, w.funds_stop_at, w.funds_stop_by`

// liveRow is a workspace with what reconciling it needs.
type liveRow struct {
	Workspace
	HostTemplate   string          `db:"kasm_template_id"`
	BlockSeconds   int             `db:"block_seconds"`
	PricePerHour   decimal.Decimal `db:"price_per_hour"`
	Driver         string          `db:"driver"`         // the kind of host that the plan wants
	PlanIdleStop   int             `db:"plan_idle_stop"` // minutes, 0 for never
	PlanMaxSession int             `db:"max_session_minutes"`
	AllowClipboard bool            `db:"allow_clipboard"`
	AllowUpload    bool            `db:"allow_upload"`
	AllowDownload  bool            `db:"allow_download"`
}

const liveColumns = columns + `, t.kasm_template_id, p.block_seconds, p.price_per_hour, p.driver, p.idle_stop_minutes as plan_idle_stop, p.max_session_minutes,
    p.allow_clipboard, p.allow_upload, p.allow_download
from kasm_workspaces w join kasm_workspace_templates t on t.id = w.template_id join plans p on p.id = w.plan_id`

// lockWorkspace reads a row for a change; it waits for whoever changes it now.
func lockWorkspace(ctx context.Context, tx tenants.Tx, id uuid.UUID) (liveRow, error) {
	return tenants.Get[liveRow](ctx, tx, "workspace", `-- workspaces.lockWorkspace
select `+liveColumns+` where w.id = $1 for update of w`, id)
}

// lockWorkspaces locks in the order of the ids, so that two never wait for each other.
func lockWorkspaces(ctx context.Context, tx tenants.Tx, ids []uuid.UUID) ([]liveRow, error) {
	return tenants.List[liveRow](ctx, tx, `-- workspaces.lockWorkspaces
select `+liveColumns+` where w.id = any($1) order by w.id for update of w`, ids)
}

// liveQ reads what the host should be asked about.
func liveQ(dst *[]liveRow) tenants.Query {
	return tenants.ListQ(dst, `-- workspaces.liveQ
select `+liveColumns+`
where w.status in ('provisioning', 'running') or w.observed_state in ('requested', 'starting', 'running', 'stopping') order by w.id`)
}

// inTransitionQ is Workspace.InTransition for any workspace of the shop.
func inTransitionQ(dst *bool) tenants.Query {
	return tenants.GetQ(dst, "answer", `-- workspaces.inTransitionQ
select exists (select from kasm_workspaces
where status = 'provisioning' or observed_state in ('requested', 'starting', 'stopping') or desired_state <> 'running' and observed_state = 'running')`)
}

func insertWorkspace(ctx context.Context, tx tenants.Tx, w *Workspace) error {
	_, err := tx.Exec(ctx, `-- workspaces.insertWorkspace
insert into kasm_workspaces (id, user_id, service_id, plan_id, template_id, workspace_type, template_name, vcpu, ram_mb, access_url, desired_state, observed_state,
    status, run, started_by, changed_at, deadline_at, session_duration, created_at, run_limit, run_budget)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21)`,
		w.ID, w.UserID, w.ServiceID, w.PlanID, w.TemplateID, w.WorkspaceType, w.TemplateName, w.VCPU, w.RAMMB, w.AccessURL, w.Desired, w.Observed,
		w.Status, w.Run, w.StartedBy, w.ChangedAt, w.DeadlineAt, w.SessionDuration, w.CreatedAt, w.RunLimit, w.RunBudget)
	return err
}

// save writes everything that a workspace's life changes, and a new revision.
func save(ctx context.Context, tx tenants.Tx, w *Workspace) error {
	_, err := tx.Exec(ctx, `-- workspaces.save
update kasm_workspaces set kasm_server_id = $2, kasm_user_id = $3, kasm_workspace_id = $4, username = $5, password_encrypted = $6, desired_state = $7,
    observed_state = $8, status = $9, failure = $10, failure_code = $11, run = $12, tries = $13, started_by = $14, changed_at = $15, deadline_at = $16,
    desktop_used = $17, provisioned_at = $18, last_started_at = $19, last_stopped_at = $20, terminated_at = $21, idle_stop_minutes = $22, last_used_at = $23, idle_warned_at = $24, extended_until = $25,
    run_limit = $26, run_budget = $27, asked_server_id = $28, extended_at = $29,
    scheduled_stop_at = $30, extended_wall = $31, funds_stop_at = $32, funds_stop_by = $33, revision = revision + 1
where id = $1`,
		w.ID, w.ServerID, w.HostUserID, w.DesktopID, w.Username, w.Password, w.Desired,
		w.Observed, w.Status, w.Failure, w.FailureCode, w.Run, w.Tries, w.StartedBy, w.ChangedAt, w.DeadlineAt,
		w.DesktopUsed, w.ProvisionedAt, w.LastStartedAt, w.LastStoppedAt, w.TerminatedAt, w.IdleStopMinutes, w.LastUsedAt, w.IdleWarnedAt, w.ExtendedUntil,
		w.RunLimit, w.RunBudget, w.AskedServerID, w.ExtendedAt, w.ScheduledStopAt,
		w.ExtendedWall, w.FundsStopAt, w.FundsStopBy)
	return err
}

// setLease takes, renews (from is the lease held) or, with nil, gives back the
// right to act for a workspace.
func setLease(ctx context.Context, tx tenants.Tx, id uuid.UUID, until *time.Time) error {
	_, err := tx.Exec(ctx, `-- workspaces.setLease
update kasm_workspaces set lease_until = $2 where id = $1`, id, until)
	return err
}

// setAsked notes which host is about to be asked for a desktop, or, with nil, that
// none may have made one.
func setAsked(ctx context.Context, tx tenants.Tx, id uuid.UUID, host *uuid.UUID) error {
	_, err := tx.Exec(ctx, `-- workspaces.setAsked
update kasm_workspaces set asked_server_id = $2 where id = $1`, id, host)
	return err
}

func renewLease(ctx context.Context, tx tenants.Tx, id uuid.UUID, from, until time.Time) error {
	_, err := tx.Exec(ctx, `-- workspaces.renewLease
update kasm_workspaces set lease_until = $3 where id = $1 and lease_until = $2`, id, from, until)
	return err
}

type plan struct {
	ID            uuid.UUID       `db:"id"`
	ServiceType   string          `db:"service_type"`
	WorkspaceType string          `db:"workspace_type"`
	VCPU          int             `db:"vcpu"`
	RAMMB         int             `db:"ram_mb"`
	PricePerHour  decimal.Decimal `db:"price_per_hour"`
	BlockSeconds  int             `db:"block_seconds"`
	Driver        string          `db:"driver"`
}

func findPlan(ctx context.Context, tx tenants.Tx, serviceType string) (plan, bool, error) {
	return tenants.Find[plan](ctx, tx, `-- workspaces.findPlan
select id, service_type, workspace_type, vcpu, ram_mb, price_per_hour, block_seconds, driver from plans where service_type = $1 and status = 'active'`, serviceType)
}

type template struct {
	ID            uuid.UUID `db:"id"`
	Name          string    `db:"name"`
	WorkspaceType string    `db:"workspace_type"`
}

// findTemplate finds by name whatever its case; without a name, the first that
// fits the plan.
func findTemplate(ctx context.Context, tx tenants.Tx, name, workspaceType string) (template, bool, error) {
	return tenants.Find[template](ctx, tx, `-- workspaces.findTemplate
select id, name, workspace_type from kasm_workspace_templates
where status = 'active' and (lower(name) = lower($1) or $1 = '' and workspace_type = $2)
order by sort_order, name limit 1`, name, workspaceType)
}

type buyer struct {
	Status   string `db:"status"`
	Verified bool   `db:"verified"`
	Live     int    `db:"live"`
	Limit    int    `db:"most"`
}

// lockBuyer locks the customer's row: two orders at once are one after the other.
func lockBuyer(ctx context.Context, tx tenants.Tx, user uuid.UUID) (buyer, error) {
	// What refers to the customer, such as a block that is held, is not kept waiting.
	if _, err := tenants.Get[uuid.UUID](ctx, tx, "user", `-- workspaces.lockBuyer
select id from users where id = $1 for no key update`, user); err != nil {
		return buyer{}, err
	}
	return tenants.Get[buyer](ctx, tx, "user", `-- workspaces.lockBuyer.facts
select u.status, u.email_verified_at is not null as verified,
    (select count(*) from kasm_workspaces w where w.user_id = u.id and w.status not in ('terminated', 'failed')) as live,
    coalesce((select (value #>> '{}')::int from settings where key = 'workspaces_per_user' and jsonb_typeof(value) = 'number'), $2) as most
from users u where u.id = $1`, user, workspacesPerUser)
}

func insertService(ctx context.Context, tx tenants.Tx, w *Workspace) error {
	_, err := tx.Exec(ctx, `-- workspaces.insertService
insert into services (id, user_id, plan_id, service_type, status, created_at) values ($1, $2, $3, $4, 'provisioning', $5)`,
		w.ServiceID, w.UserID, w.PlanID, w.WorkspaceType, w.CreatedAt)
	return err
}

func setService(ctx context.Context, tx tenants.Tx, id uuid.UUID, status string, provisioned *time.Time) error {
	_, err := tx.Exec(ctx, `-- workspaces.setService
update services set status = $2, provisioned_at = coalesce(provisioned_at, $3) where id = $1`, id, status, provisioned)
	return err
}

// Account is a customer's account on a desktop host; Password is sealed.
type Account struct {
	HostUserID string `db:"kasm_user_id"`
	Username   string `db:"username"`
	Password   []byte `db:"password_encrypted"`
}

func findAccount(ctx context.Context, tx tenants.Tx, user, server uuid.UUID) (Account, bool, error) {
	return tenants.Find[Account](ctx, tx, `-- workspaces.findAccount
select kasm_user_id, username, password_encrypted from kasm_users where user_id = $1 and kasm_server_id = $2`, user, server)
}

func findAccountQ(dst *Account, found *bool, user, server uuid.UUID) tenants.Query {
	return tenants.FindQ(dst, found, `-- workspaces.findAccountQ
select kasm_user_id, username, password_encrypted from kasm_users where user_id = $1 and kasm_server_id = $2`, user, server)
}

func saveAccount(ctx context.Context, tx tenants.Tx, user, server uuid.UUID, a Account) error {
	_, err := tx.Exec(ctx, `-- workspaces.saveAccount
insert into kasm_users (user_id, kasm_server_id, kasm_user_id, username, password_encrypted, created_at) values ($1, $2, $3, $4, $5, $6)
on conflict (user_id, kasm_server_id) do update set kasm_user_id = excluded.kasm_user_id, password_encrypted = excluded.password_encrypted`,
		user, server, a.HostUserID, a.Username, a.Password, tx.Now())
	if err != nil {
		return err
	}
	_, err = tx.Exec(ctx, `-- workspaces.saveAccount.copies
update kasm_workspaces w set username = $3, password_encrypted = $4
from (select id from kasm_workspaces where user_id = $1 and kasm_server_id = $2 order by id for update) own where w.id = own.id`,
		user, server, a.Username, a.Password)
	return err
}

type person struct {
	Name  string `db:"name"`
	Email string `db:"email"`
}

func personQ(dst *person, user uuid.UUID) tenants.Query {
	return tenants.GetQ(dst, "user", `-- workspaces.personQ
select name, email from users where id = $1`, user)
}

// takenQ reads which of the host's desktops belong to a workspace, or were given up.
func takenQ(dst *[]string, server uuid.UUID, desktops []string) tenants.Query {
	return tenants.ListQ(dst, `-- workspaces.takenQ
select kasm_workspace_id from kasm_workspaces where kasm_server_id = $1 and kasm_workspace_id = any($2)
union all
select kasm_workspace_id from discarded_desktops where kasm_server_id = $1 and kasm_workspace_id = any($2)`, server, desktops)
}

// claimedQ reads the workspaces that own some of the host's desktops.
func claimedQ(dst *[]liveRow, server uuid.UUID, desktops []string) tenants.Query {
	return tenants.ListQ(dst, `-- workspaces.claimedQ
select `+liveColumns+` where w.kasm_server_id = $1 and w.kasm_workspace_id = any($2)`, server, desktops)
}

// leasedQ reads the customers for whom somebody acts at a host.
func leasedQ(dst *[]uuid.UUID, wall time.Time) tenants.Query {
	return tenants.ListQ(dst, `-- workspaces.leasedQ
select distinct user_id from kasm_workspaces where lease_until > $1`, wall)
}

type discarded struct {
	DesktopID   string    `db:"kasm_workspace_id"`
	DiscardedAt time.Time `db:"discarded_at"`
}

func discardedQ(dst *[]discarded, server uuid.UUID, desktops []string) tenants.Query {
	return tenants.ListQ(dst, `-- workspaces.discardedQ
select kasm_workspace_id, discarded_at from discarded_desktops where kasm_server_id = $1 and kasm_workspace_id = any($2)`, server, desktops)
}

// discard remembers that a desktop was given up, and from when.
func discard(ctx context.Context, tx tenants.Tx, server uuid.UUID, desktop string) error {
	_, err := tx.Exec(ctx, `-- workspaces.discard
insert into discarded_desktops (kasm_server_id, kasm_workspace_id, discarded_at) values ($1, $2, $3)
on conflict (kasm_server_id, kasm_workspace_id) do nothing`, server, desktop, tx.Now())
	return err
}

type blockState struct {
	Closed  bool `db:"closed"`
	Charged bool `db:"charged"`
}

// blockQ tells whether a due block needs nothing more.
func blockQ(dst *blockState, found *bool, session uuid.UUID, due time.Time) tenants.Query {
	return tenants.FindQ(dst, found, `-- workspaces.blockQ
select s.stopped_at is not null as closed,
    exists (select from usage_blocks b where b.session_id = s.id and b.starts_at >= $2::timestamptz - interval '1 second') as charged
from kasm_usage_sessions s where s.id = $1`, session, due)
}

// proofQ reads when a workspace's open session was last proven to run.
func proofQ(dst *time.Time, open *bool, workspace uuid.UUID) tenants.Query {
	return tenants.FindQ(dst, open, `-- workspaces.proofQ
select last_proof_at from kasm_usage_sessions where kasm_workspace_id = $1 and stopped_at is null`, workspace)
}

func byIDQ(dst *liveRow, found *bool, id uuid.UUID) tenants.Query {
	return tenants.FindQ(dst, found, `-- workspaces.byIDQ
select `+liveColumns+` where w.id = $1`, id)
}
