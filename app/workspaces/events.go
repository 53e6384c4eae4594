package workspaces

import (
	"time"

	"github.com/google/uuid"
)

// What this package announces. A stop is announced when it is accepted
// (stop_requested, which is when billing ends) and again when the host is off
// (stopped); By tells who: customer, staff, api, limit, idle, schedule, system, or host when the
// desktop ended by itself.
const (
	EventOrdered          = "workspace.ordered"
	EventStartRequested   = "workspace.start_requested"
	EventStopRequested    = "workspace.stop_requested"
	EventDestroyRequested = "workspace.destroy_requested"
	EventRunning          = "workspace.running"
	EventStopped          = "workspace.stopped"
	EventDestroyed        = "workspace.destroyed"
	EventFailed           = "workspace.failed"
	// The idle stop is near. RulesChanged is for open pages: a countdown ended or
	// moved, because of the customer, staff, or somebody who connected (use).
	EventIdleWarning     = "workspace.idle_warning"
	EventRulesChanged    = "workspace.rules_changed"
	EventScheduleRefused = "workspace.schedule_refused"
)

// Kinds of due times. Each key is a workspace's id, but for DueBlock's, which is
// the meter's and a session's.
const (
	DueBlock     = "block"
	DueLimit     = "limit"
	DueDeadline  = "deadline"
	DueConverge  = "converge"
	DueKeepalive = "keepalive"
	DueIdle      = "idle"
	DueSchedule  = "schedule"
	DueReserve   = "reserve" // the meter's, but a workspace's key: its next block is to be held
)

// Happened is the payload of every event of this package.
type Happened struct {
	UserID      uuid.UUID `json:"user_id"`
	WorkspaceID uuid.UUID `json:"workspace_id"`
	ServiceID   uuid.UUID `json:"service_id"`
	Run         int       `json:"run"`
	By          string    `json:"by,omitempty"`
	First       bool      `json:"first,omitempty"`
	Code        string    `json:"code,omitempty"`
	Error       string    `json:"error,omitempty"`  // one sentence, for people
	Detail      string    `json:"detail,omitempty"` // for the operator
	// With idle_warning: when it stops.
	StopsAt *time.Time `json:"stops_at,omitempty"`
}

func happened(w *Workspace) Happened {
	return Happened{UserID: w.UserID, WorkspaceID: w.ID, ServiceID: w.ServiceID, Run: w.Run}
}
