package web

import (
	"context"
	"net/http"
	"time"

	"github.com/google/uuid"
	"github.com/labstack/echo/v5"

	"github.com/ezscale/ezscale/app/fail"
	"github.com/ezscale/ezscale/app/metering"
	"github.com/ezscale/ezscale/app/money"
	"github.com/ezscale/ezscale/app/workspaces"
)

// createWait is how long create_workspace waits for the desktop before it
// answers that it is still being provisioned.
const createWait = 30 * time.Second

const byAPI = metering.ByAPI

// What the API calls an order that came to nothing.
const (
	codeNoCapacity     = "no_capacity"
	codeNotProvisioned = "provisioning_failed"
)

type createJSON struct {
	WorkspaceType   string `json:"workspace_type"`
	Template        string `json:"template"`
	UserID          string `json:"user_id"`
	SessionDuration int    `json:"session_duration"`

	RunFor    *int    `json:"run_for"`    // minutes
	RunBudget *string `json:"run_budget"` // decimal
}

// limitOfJSON reads until when a run is to last: minutes, or an amount as a decimal
// string. Errors: Invalid (run_for, run_budget).
func limitOfJSON(minutes *int, budget *string) (limit workspaces.RunLimit, err error) {
	wrong := fail.Fields{}
	if minutes != nil {
		if limit.Minutes = *minutes; limit.Minutes == 0 {
			wrong.Add("run_for", "Give at least one minute, or leave it out for no limit.")
		}
	}
	if budget != nil {
		if limit.Budget, err = decimalOf(*budget); err != nil || limit.Budget.IsZero() {
			wrong.Add("run_budget", "Give an amount above zero such as 0.15, or leave it out for no limit.")
		}
	}
	return limit, wrong.Err()
}

type createdJSON struct {
	WorkspaceID uuid.UUID         `json:"workspace_id"`
	AccessURL   string            `json:"access_url"`
	Username    string            `json:"username"`
	Password    string            `json:"password"`
	Status      workspaces.Status `json:"status"`
}

// apiCreate orders a desktop and waits for it; ?wait=0 answers at once.
func (s *server) apiCreate(c *echo.Context) error {
	var wanted createJSON
	body, err := readJSON(c, &wanted)
	if err != nil {
		return err
	}
	v := visitOf(c)
	order := workspaces.Order{UserID: v.userID, PlanType: wanted.WorkspaceType, Template: wanted.Template, SessionDuration: wanted.SessionDuration, StartedBy: byAPI}
	if order.Limit, err = limitOfJSON(wanted.RunFor, wanted.RunBudget); err != nil {
		return err
	}
	if wanted.UserID != "" {
		if order.UserID, err = s.actsFor(c, wanted.UserID); err != nil {
			return err
		}
	}
	return s.once(c, body, func(ctx context.Context, id uuid.UUID) (int, any, error) {
		order.ID = id
		w, err := s.Workspaces.Order(ctx, v.tenant, order)
		if err != nil {
			return 0, nil, err
		}
		if c.QueryParam("wait") != "0" {
			if w, err = s.awaitReady(ctx, v, w); err != nil {
				return 0, nil, err
			}
		}
		return s.created(v, w)
	})
}

// created is the answer to an order: 201 when the desktop runs, else 202.
func (s *server) created(v *visit, w workspaces.Workspace) (int, any, error) {
	password, err := s.Workspaces.Password(v.tenant, w)
	if err != nil {
		return 0, nil, err
	}
	status := http.StatusAccepted
	if w.Status == workspaces.Running {
		status = http.StatusCreated
	}
	return status, createdJSON{w.ID, s.Links(v.tenant, "/workspaces/"+w.ID.String()+"/launch"), w.Username, password, w.Status}, nil
}

// actsFor lets staff keys order for a customer of theirs.
func (s *server) actsFor(c *echo.Context, text string) (uuid.UUID, error) {
	v := visitOf(c)
	if !v.staff {
		return uuid.Nil, fail.New(fail.Forbidden, "Only a key of the shop's staff may order for somebody else. Leave user_id out.")
	}
	id, err := uuid.Parse(text)
	if err == nil {
		_, err = s.Accounts.ByID(c.Request().Context(), v.tenant, id)
	}
	if err != nil {
		return uuid.Nil, fail.Fields{"user_id": "There is no customer with this id."}.Err()
	}
	return id, nil
}

// awaitReady waits until the desktop runs or has failed, or the time is up. It is
// woken by the same names that wake open pages.
func (s *server) awaitReady(ctx context.Context, v *visit, w workspaces.Workspace) (workspaces.Workspace, error) {
	names, stop := s.Live.Subscribe(v.tenant.ID, w.UserID)
	defer stop()
	limit := time.NewTimer(createWait)
	defer limit.Stop()
	again := time.NewTicker(time.Second)
	defer again.Stop()
	for {
		var card workspaces.Card
		if err := s.DB.Read(ctx, v.tenant, workspaces.CardQ(&card, w.UserID, w.ID)); err != nil {
			return w, err
		}
		w = card.Workspace
		switch {
		case w.Status == workspaces.Running:
			return w, nil
		case w.FailureCode == workspaces.CodeNoCapacity:
			return w, fail.Coded(fail.Unavailable, codeNoCapacity, "%s", w.Failure)
		case w.Status != workspaces.Provisioning && w.Failure != "":
			return w, fail.Coded(fail.Unavailable, codeNotProvisioned, "%s", w.Failure)
		case w.Status != workspaces.Provisioning:
			return w, nil
		}
		select {
		case <-ctx.Done():
			return w, ctx.Err()
		case <-limit.C:
			return w, nil
		case _, open := <-names:
			if !open {
				names = nil
			}
		case <-again.C:
		}
	}
}

type workspaceRef struct {
	WorkspaceID string `json:"workspace_id"`
}

type startJSON struct {
	WorkspaceID string  `json:"workspace_id"`
	RunFor      *int    `json:"run_for"`
	RunBudget   *string `json:"run_budget"`
}

type action func(ctx context.Context, v *visit, who workspaces.Who, id uuid.UUID) error

func (s *server) apiStart(c *echo.Context) error {
	var wanted startJSON
	body, err := readJSON(c, &wanted)
	if err != nil {
		return err
	}
	limit, err := limitOfJSON(wanted.RunFor, wanted.RunBudget)
	if err != nil {
		return err
	}
	return s.apiDoTo(c, workspaceRef{wanted.WorkspaceID}, body, func(ctx context.Context, v *visit, who workspaces.Who, id uuid.UUID) error {
		_, err := s.Workspaces.StartFor(ctx, v.tenant, who, id, byAPI, limit)
		return err
	})
}

func (s *server) apiStop(c *echo.Context) error {
	return s.apiDo(c, func(ctx context.Context, v *visit, who workspaces.Who, id uuid.UUID) error {
		_, err := s.Workspaces.Stop(ctx, v.tenant, who, id, byAPI)
		return err
	})
}

func (s *server) apiDestroy(c *echo.Context) error {
	return s.apiDo(c, func(ctx context.Context, v *visit, who workspaces.Who, id uuid.UUID) error {
		_, err := s.Workspaces.Destroy(ctx, v.tenant, who, id, byAPI)
		return err
	})
}

// apiDo does one thing to one desktop and answers with how it stands.
func (s *server) apiDo(c *echo.Context, do action) error {
	var ref workspaceRef
	body, err := readJSON(c, &ref)
	if err != nil {
		return err
	}
	return s.apiDoTo(c, ref, body, do)
}

func (s *server) apiDoTo(c *echo.Context, ref workspaceRef, body []byte, do action) error {
	if ref.WorkspaceID == "" {
		return fail.Fields{"workspace_id": "Say which workspace."}.Err()
	}
	id, err := idOf(ref.WorkspaceID, "workspace")
	if err != nil {
		return err
	}
	v := visitOf(c)
	return s.once(c, body, func(ctx context.Context, _ uuid.UUID) (int, any, error) {
		if err := do(ctx, v, whoOf(v), id); err != nil {
			return 0, nil, err
		}
		status, err := s.statusOf(ctx, v, id)
		return http.StatusOK, status, err
	})
}

func whoOf(v *visit) workspaces.Who { return workspaces.Who{UserID: v.userID, Staff: v.staff} }

type statusJSON struct {
	WorkspaceID   uuid.UUID         `json:"workspace_id"`
	Status        workspaces.Status `json:"status"`
	UptimeSeconds int64             `json:"uptime_seconds"`
	CPU           *float64          `json:"cpu_usage_percent"`
	RAM           *int64            `json:"ram_usage_mb"`
	CostSoFar     string            `json:"cost_so_far"`
	PaidUntil     *string           `json:"paid_until"`
	StopsAt       *string           `json:"stops_at,omitempty"`    // left out while nothing stops it by itself
	StopReason    string            `json:"stop_reason,omitempty"` // limit, idle, schedule, credit, cap, parked or suspended
	Message       string            `json:"message,omitempty"`
}

// apiStatus tells how a desktop stands and what its run has cost.
func (s *server) apiStatus(c *echo.Context) error {
	text := c.QueryParam("workspace_id")
	if text == "" {
		return fail.Fields{"workspace_id": "Say which workspace."}.Err()
	}
	id, err := idOf(text, "workspace")
	if err != nil {
		return err
	}
	status, err := s.statusOf(c.Request().Context(), visitOf(c), id)
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, status)
}

// statusOf reads a desktop with its latest session. A run that has ended keeps
// showing what it cost, until the next one begins.
func (s *server) statusOf(ctx context.Context, v *visit, id uuid.UUID) (statusJSON, error) {
	var w workspaces.Card
	var latest []metering.Session
	mine := workspaces.CardQ(&w, v.userID, id)
	if v.staff {
		mine = workspaces.ByIDQ(&w, id)
	}
	if err := s.DB.Read(ctx, v.tenant, mine, metering.OfWorkspaceQ(&latest, id, 1)); err != nil {
		return statusJSON{}, err
	}
	now := s.Clock.Now()
	status := statusJSON{WorkspaceID: w.ID, Status: w.Status, CostSoFar: money.API(money.Zero(v.tenant.Currency).D, v.tenant.Currency), Message: w.Failure}
	if len(latest) == 0 || w.Status == workspaces.Provisioning {
		return status, nil
	}
	if w.Status == workspaces.Running {
		used := s.Workspaces.Gauge(ctx, v.tenant, w.Workspace)
		status.CPU, status.RAM = used.CPUPercent, used.RAMMB
		if at, reason := w.StopsAt(w.PlanIdleStop); reason != "" {
			status.StopsAt, status.StopReason = stamp(&at), reason
		}
	}
	session := latest[0]
	status.CostSoFar = money.API(session.CostAt(now), session.Currency)
	if session.Running() {
		status.UptimeSeconds = int64(now.Sub(session.StartedAt) / time.Second)
		until := session.PaidUntilAt(now)
		status.PaidUntil = stamp(&until)
	}
	return status, nil
}

type workspaceJSON struct {
	WorkspaceID   uuid.UUID         `json:"workspace_id"`
	WorkspaceType string            `json:"workspace_type"`
	Status        workspaces.Status `json:"status"`
	CostPerHour   string            `json:"cost_per_hour"`
	VCPU          int               `json:"vcpu"`
	RAMMB         int               `json:"ram_mb"`
	Template      string            `json:"template"`
}

// apiWorkspaces lists the caller's desktops, newest first.
func (s *server) apiWorkspaces(c *echo.Context) error {
	limit, after, err := page(c)
	if err != nil {
		return err
	}
	v := visitOf(c)
	var from *time.Time
	var fromID *uuid.UUID
	if after != "" {
		at, id, err := cursorPlace(after)
		if err != nil {
			return err
		}
		from, fromID = &at, &id
	}
	var rows []workspaces.Card
	if err := s.DB.Read(c.Request().Context(), v.tenant, workspaces.PageQ(&rows, v.userID, from, fromID, limit+1)); err != nil {
		return err
	}
	rows, more := cut(rows, limit)
	list := make([]workspaceJSON, len(rows))
	for i, w := range rows {
		list[i] = workspaceJSON{w.ID, w.WorkspaceType, w.Status, money.API(w.PricePerHour, w.Currency), w.VCPU, w.RAMMB, w.TemplateName}
	}
	answer := map[string]any{"workspaces": list, "next_cursor": nil}
	if more {
		last := rows[len(rows)-1]
		answer["next_cursor"] = cursorText(last.CreatedAt, last.ID)
	}
	return c.JSON(http.StatusOK, answer)
}
