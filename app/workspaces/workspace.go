// Package workspaces is the life of a desktop: a customer orders it, starts and
// stops it, and this package makes the desktop host follow.
//
// What was asked for (desired) and what the host last reported (observed) are two
// facts and never one. Billing ends when a stop is accepted; it begins when the
// desktop is seen running, and nothing in between is charged.
package workspaces

import (
	"time"

	"github.com/google/uuid"
	"github.com/shopspring/decimal"

	"github.com/ezscale/ezscale/app/fail"
)

// Desired is what was asked for.
type Desired string

// The desired states.
const (
	WantRunning    Desired = "running"
	WantStopped    Desired = "stopped"
	WantTerminated Desired = "terminated"
)

// Observed is what the desktop host last reported or confirmed.
type Observed string

// The observed states.
const (
	SeenNone      Observed = "none"      // there is no desktop yet
	SeenRequested Observed = "requested" // the host took the request
	SeenStarting  Observed = "starting"
	SeenRunning   Observed = "running"
	SeenStopping  Observed = "stopping" // the host was asked to stop it
	SeenStopped   Observed = "stopped"  // off, with its disk kept
	SeenGone      Observed = "gone"     // the host has it no more
)

// Status is what people and the API are told; it follows from the two others.
type Status string

// The statuses.
const (
	Provisioning Status = "provisioning"
	Running      Status = "running"
	Stopped      Status = "stopped"
	Terminated   Status = "terminated"
	Failed       Status = "failed"
)

// Workspace is one desktop of one customer.
type Workspace struct {
	ID              uuid.UUID        `db:"id"`
	UserID          uuid.UUID        `db:"user_id"`
	ServiceID       uuid.UUID        `db:"service_id"`
	PlanID          uuid.UUID        `db:"plan_id"`
	TemplateID      uuid.UUID        `db:"template_id"`
	WorkspaceType   string           `db:"workspace_type"` // the plan's type, such as developer_basic
	TemplateName    string           `db:"template_name"`
	VCPU            int              `db:"vcpu"`
	RAMMB           int              `db:"ram_mb"`
	ServerID        *uuid.UUID       `db:"kasm_server_id"`
	HostUserID      *string          `db:"kasm_user_id"`
	DesktopID       *string          `db:"kasm_workspace_id"`
	AccessURL       string           `db:"access_url"`
	Username        string           `db:"username"`
	Password        []byte           `db:"password_encrypted"`
	Desired         Desired          `db:"desired_state"`
	Observed        Observed         `db:"observed_state"`
	Status          Status           `db:"status"`
	Failure         string           `db:"failure"`
	FailureCode     string           `db:"failure_code"`
	Run             int              `db:"run"`
	Tries           int              `db:"tries"`
	StartedBy       string           `db:"started_by"`
	ChangedAt       time.Time        `db:"changed_at"`
	DeadlineAt      *time.Time       `db:"deadline_at"`
	SessionDuration *int             `db:"session_duration"` // seconds
	LeaseUntil      *time.Time       `db:"lease_until"`      // wall time
	Revision        int64            `db:"revision"`
	DesktopUsed     bool             `db:"desktop_used"`
	IdleStopMinutes *int             `db:"idle_stop_minutes"` // the customer's choice; nil for the plan's
	LastUsedAt      *time.Time       `db:"last_used_at"`
	IdleWarnedAt    *time.Time       `db:"idle_warned_at"`
	ExtendedUntil   *time.Time       `db:"extended_until"`
	ExtendedAt      *time.Time       `db:"extended_at"`
	ExtendedWall    *time.Time       `db:"extended_wall"`     // the same in wall time
	ScheduledStopAt *time.Time       `db:"scheduled_stop_at"` // when its schedule next stops it
	RunLimit        *int             `db:"run_limit"`         // seconds, for the present run alone
	AskedServerID   *uuid.UUID       `db:"asked_server_id"`   // may have made the desktop of the present start
	RunBudget       *decimal.Decimal `db:"run_budget"`        // what RunLimit was computed from, if it was money
	FundsStopAt     *time.Time       `db:"funds_stop_at"`     // when the money for the present run ends
	FundsStopBy     string           `db:"funds_stop_by"`     // credit, cap, parked or suspended
	CreatedAt       time.Time        `db:"created_at"`
	ProvisionedAt   *time.Time       `db:"provisioned_at"`
	LastStartedAt   *time.Time       `db:"last_started_at"`
	LastStoppedAt   *time.Time       `db:"last_stopped_at"`
	TerminatedAt    *time.Time       `db:"terminated_at"`
}

// status is the one place where a status comes from.
func (w *Workspace) status() Status {
	switch {
	case w.Desired == WantTerminated:
		return Terminated
	case w.Desired == WantRunning && w.Observed == SeenRunning:
		return Running
	case w.Desired == WantRunning:
		return Provisioning
	case w.Failure != "" && w.ProvisionedAt == nil:
		return Failed
	}
	return Stopped
}

// Stopping tells that billing has ended while the host still has to confirm.
func (w *Workspace) Stopping() bool {
	return w.Desired != WantRunning && (w.Observed == SeenRunning || w.Observed == SeenStopping)
}

// InTransition tells that the host is expected to report something new soon.
func (w *Workspace) InTransition() bool {
	return w.Status == Provisioning || w.Observed == SeenStopping || w.Observed == SeenRequested || w.Observed == SeenStarting ||
		w.Desired != WantRunning && w.Observed == SeenRunning
}

func (w *Workspace) changed(now time.Time) {
	w.ChangedAt = now
	w.Status = w.status()
}

// Start asks for the desktop to run. It is false, and nothing changed, when that
// is asked for already. Errors: Conflict for a workspace that was destroyed.
func (w *Workspace) Start(now time.Time, patience time.Duration, by string) (bool, error) {
	switch w.Desired {
	case WantTerminated:
		return false, fail.New(fail.Conflict, "This workspace was destroyed and cannot be started; order a new one.")
	case WantRunning:
		return false, nil
	}
	deadline := now.Add(patience)
	w.Desired, w.DeadlineAt = WantRunning, &deadline
	w.Run++
	w.Tries, w.StartedBy, w.AskedServerID = 0, by, nil
	w.newRules()
	w.Failure, w.FailureCode = "", ""
	switch w.Observed {
	case SeenRequested, SeenStarting, SeenRunning:
		// The run before is over in the books, and the host was not told yet. It
		// ends there, too, before this one begins: a run on the host is billed as
		// one session or none. The stop is due at once.
		w.Observed = SeenStopping
		w.ChangedAt = now.Add(-stubborn)
	}
	w.asked(now)
	return true, nil
}

// Occupies tells that a desktop of the workspace takes up room on its host.
func (w *Workspace) Occupies() bool {
	switch w.Observed {
	case SeenRequested, SeenStarting, SeenRunning, SeenStopping:
		return true
	}
	return false
}

// bound is the host on which alone the workspace can start, because its disk is
// there; nil when any will do.
func (w *Workspace) bound() *uuid.UUID {
	if w.DesktopID == nil || !w.DesktopUsed {
		return nil
	}
	return w.ServerID
}

// startOver turns a start that was just asked for into one with a new desktop: the
// old one is destroyed first, as one that is not worth keeping.
func (w *Workspace) startOver() {
	w.DesktopUsed = false
	if w.DesktopID == nil {
		return
	}
	w.Observed = SeenStopping
	w.ChangedAt = w.ChangedAt.Add(-stubborn)
	w.Status = w.status()
}

// asked notes that something else is wanted. How long ago the host was told to
// stop stays known.
func (w *Workspace) asked(now time.Time) {
	if w.Observed == SeenStopping {
		now = w.ChangedAt
	}
	w.changed(now)
}

// Stop asks for the desktop to be off, which is what cancels a start, too. It is
// false, and nothing changed, when that is asked for already. Errors: Conflict for
// a workspace that was destroyed.
func (w *Workspace) Stop(now time.Time) (bool, error) {
	switch w.Desired {
	case WantTerminated:
		return false, fail.New(fail.Conflict, "This workspace was destroyed already.")
	case WantStopped:
		return false, nil
	}
	if w.Status == Running {
		w.LastStoppedAt = &now
	}
	w.Desired, w.DeadlineAt = WantStopped, nil
	w.asked(now)
	return true, nil
}

// Destroy asks for the desktop and its disk to be gone for good. It is false when
// that is asked for already.
func (w *Workspace) Destroy(now time.Time) bool {
	if w.Desired == WantTerminated {
		return false
	}
	if w.Status == Running {
		w.LastStoppedAt = &now
	}
	w.Desired, w.DeadlineAt, w.TerminatedAt = WantTerminated, nil, &now
	w.Failure, w.FailureCode = "", ""
	w.asked(now)
	return true
}

// giveUp ends a start that failed: the service never came, or the workspace is
// stopped again, with a sentence for its customer.
func (w *Workspace) giveUp(now time.Time, code, sentence string) {
	w.Desired, w.DeadlineAt = WantStopped, nil
	w.Failure, w.FailureCode = sentence, code
	w.asked(now)
}

// claim takes a desktop of the host into use.
func (w *Workspace) claim(now time.Time, server uuid.UUID, a Account, desktop string) {
	w.ServerID, w.HostUserID, w.DesktopID = &server, &a.HostUserID, &desktop
	w.Username, w.Password = a.Username, a.Password
	w.Observed, w.DesktopUsed, w.AskedServerID = SeenRequested, false, nil
	w.changed(now)
}

// forget says that the host has the desktop no more.
func (w *Workspace) forget(now time.Time) {
	w.DesktopID, w.DesktopUsed = nil, false
	w.Observed = SeenGone
	if w.Desired == WantRunning {
		w.Observed = SeenNone
	}
	w.changed(now)
}
