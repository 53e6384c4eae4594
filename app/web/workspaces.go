package web

import (
	"context"
	"errors"
	"net/http"

	"github.com/google/uuid"
	"github.com/labstack/echo/v5"

	"github.com/ezscale/ezscale/app/fail"
	"github.com/ezscale/ezscale/app/metering"
	"github.com/ezscale/ezscale/app/workspaces"
	"github.com/ezscale/ezscale/tenants"
	"github.com/ezscale/ezscale/views"
)

// sessionsOfDesk is how many of its sessions a desktop's page shows.
const sessionsOfDesk = 10

// workspacePage is one desktop with everything about it.
func (s *server) workspacePage(c *echo.Context) error {
	id, err := idOf(c.Param("id"), "workspace")
	if err != nil {
		return err
	}
	return s.deskPage(c, http.StatusOK, id, func(*views.WorkspaceProps) {})
}

// deskPage draws a desktop's page, with what change puts into it: what was wrong
// with a form, and what was typed.
func (s *server) deskPage(c *echo.Context, status int, id uuid.UUID, change func(*views.WorkspaceProps)) error {
	v, when := visitOf(c), s.when(c)
	var card workspaces.Card
	var sessions []metering.Session
	var schedule workspaces.Schedule
	var scheduled bool
	var sp spending
	shell, _, err := s.desk(c, "Desktop", append(s.spendingQs(c, &sp), workspaces.CardQ(&card, v.userID, id), metering.OfWorkspaceQ(&sessions, id, sessionsOfDesk+1),
		workspaces.ScheduleQ(&schedule, &scheduled, v.userID, id))...)
	if err != nil {
		return err
	}
	page := views.WorkspaceProps{Desk: s.deskOf(c, when, card, openOf(id, sessions), "")}
	sp.upon(&page.Desk)
	page.Sessions, page.More = cut(sessions, sessionsOfDesk)
	page.Desk.Keeps = s.Workspaces.Keeps(c.Request().Context(), card.Workspace, card.Driver)
	page.Rules = rulesOf(page.Desk, schedule, scheduled)
	if v.acting != nil {
		page.Closed, page.Desk.Username = true, ""
	} else if page.Password, err = s.Workspaces.Password(v.tenant, card.Workspace); err != nil {
		return err
	}
	shell.Title = card.PlanName
	change(&page)
	return s.render(c, status, views.WorkspacePage(shell, page))
}

// readDesk reads one desktop of the caller with its running session, if any, and
// whatever more is asked for.
func (s *server) readDesk(c *echo.Context, id uuid.UUID, more ...tenants.Query) (views.Desk, error) {
	v, when := visitOf(c), s.when(c)
	var card workspaces.Card
	var session metering.Session
	var runs bool
	var sp spending
	own := append(s.spendingQs(c, &sp), workspaces.CardQ(&card, v.userID, id), metering.OpenSessionQ(&session, &runs, id))
	err := s.readOwn(c, append(own, more...)...)
	if err != nil {
		return views.Desk{}, err
	}
	desk := s.deskOf(c, when, card, nil, nextOf(c))
	if runs {
		desk.Session = &session
	}
	sp.upon(&desk)
	if desk.Next == "" {
		desk.Keeps = s.Workspaces.Keeps(c.Request().Context(), card.Workspace, card.Driver)
	}
	return desk, nil
}

// nextOf is the page of ours that a form without scripts leads back to.
func nextOf(c *echo.Context) string { return localPath(c.QueryParam("next"), "") }

// workspaceCard is the part of a page that shows one desktop.
func (s *server) workspaceCard(c *echo.Context) error {
	id, err := idOf(c.Param("id"), "workspace")
	if err != nil {
		return err
	}
	desk, err := s.readDesk(c, id)
	if err != nil {
		return err
	}
	return s.render(c, 200, views.DeskCard(desk))
}

type deed func(ctx context.Context, t tenants.Tenant, who workspaces.Who, id uuid.UUID, by string) (workspaces.Workspace, error)

// startWorkspace starts a desktop, until the limit that the form may set.
func (s *server) startWorkspace(c *echo.Context) error {
	form, err := posted(c)
	if err != nil {
		return err
	}
	limit, typed, wrong := limitOf(form)
	return s.change(c, typed, func(ctx context.Context, t tenants.Tenant, who workspaces.Who, id uuid.UUID, by string) (workspaces.Workspace, error) {
		if wrong != nil {
			return workspaces.Workspace{}, wrong
		}
		return s.Workspaces.StartFor(ctx, t, who, id, by, limit)
	})
}

func (s *server) stopWorkspace(c *echo.Context) error {
	return s.change(c, views.RunUntil{}, s.Workspaces.Stop)
}

// startFresh gives the old desktop up and starts a new one.
func (s *server) startFresh(c *echo.Context) error {
	return s.change(c, views.RunUntil{}, s.Workspaces.StartFresh)
}

// extend keeps a running desktop for one block longer than its rules would.
func (s *server) extend(c *echo.Context) error {
	return s.change(c, views.RunUntil{}, func(ctx context.Context, t tenants.Tenant, who workspaces.Who, id uuid.UUID, _ string) (workspaces.Workspace, error) {
		return s.Workspaces.Extend(ctx, t, who, id)
	})
}

// change asks for something of one of the caller's own desktops and shows how it
// stands then: the card to htmx, a page to a browser without scripts. Asking for
// what is so already changes nothing.
func (s *server) change(c *echo.Context, typed views.RunUntil, do deed) error {
	v := visitOf(c)
	id, err := idOf(c.Param("id"), "workspace")
	if err != nil {
		return err
	}
	by := metering.ByCustomer
	if v.acting != nil {
		by = metering.ByStaff
	}
	_, err = do(c.Request().Context(), v.tenant, workspaces.Who{UserID: v.userID}, id, by)
	switch {
	case err != nil:
		return s.unchanged(c, id, err, typed)
	case !isHTMX(c):
		return seeOther(c, localPath(c.QueryParam("next"), "/workspaces/"+id.String()))
	}
	desk, err := s.readDesk(c, id)
	if err != nil {
		return err
	}
	return s.render(c, http.StatusOK, views.DeskCard(desk))
}

// unchanged shows the desktop as it truly stands, with the reason why it is not as
// was asked for: a conflict (409), a field (422), no host with room (503). Any other
// error is answered as everywhere.
func (s *server) unchanged(c *echo.Context, id uuid.UUID, err error, typed views.RunUntil) error {
	var refused *fail.Error
	if !errors.As(err, &refused) || refused.Kind != fail.Conflict && refused.Kind != fail.Invalid && refused.Code != workspaces.CodeNoCapacity {
		return err
	}
	status := statuses[refused.Kind]
	tell := func(d *views.Desk) {
		d.Until = typed
		d.Until.Wrong.Fields = refused.Fields
		if len(refused.Fields) == 0 {
			d.Said = refused.Message
		}
	}
	if status == http.StatusServiceUnavailable {
		c.Response().Header().Set("Retry-After", "30")
	}
	if !isHTMX(c) {
		return s.deskPage(c, status, id, func(p *views.WorkspaceProps) { tell(&p.Desk) })
	}
	desk, err := s.readDesk(c, id)
	if err != nil {
		return err
	}
	tell(&desk)
	// The card is no error page: it takes its own place whatever the status.
	c.Response().Header().Set("HX-Retarget", "#"+desk.Anchor())
	c.Response().Header().Set("HX-Reswap", "outerHTML")
	return s.render(c, status, views.DeskCard(desk))
}

// destroyWorkspace ends a desktop for good and leads back to the others.
func (s *server) destroyWorkspace(c *echo.Context) error {
	v := visitOf(c)
	id, err := idOf(c.Param("id"), "workspace")
	if err != nil {
		return err
	}
	if _, err := s.Workspaces.Destroy(c.Request().Context(), v.tenant, workspaces.Who{UserID: v.userID}, id, metering.ByCustomer); err != nil {
		return err
	}
	if isHTMX(c) {
		return s.workspaceCard(c)
	}
	putNotice(c, s.doors.shop, views.ToneGood, "The desktop was destroyed. What it has cost stays on your invoice.")
	return seeOther(c, localPath(c.QueryParam("next"), "/"))
}

// launch leads to the desktop itself by a link that works once and is never
// logged. A desktop that does not run is 409 with a way to start it.
func (s *server) launch(c *echo.Context) error {
	v := visitOf(c)
	id, err := idOf(c.Param("id"), "workspace")
	if err != nil {
		return err
	}
	var card workspaces.Card
	shell, _, err := s.desk(c, "Open desktop", workspaces.CardQ(&card, v.userID, id))
	if err != nil {
		return err
	}
	launched, err := s.Workspaces.Launch(c.Request().Context(), v.tenant, workspaces.Who{UserID: v.userID}, id)
	if fail.Is(err, fail.Conflict) {
		desk, readErr := s.readDesk(c, id)
		if readErr != nil {
			return readErr
		}
		return s.render(c, http.StatusConflict, views.NotRunningPage(shell, desk, err.Error()))
	}
	if err != nil {
		return err
	}
	c.Response().Header().Set("Referrer-Policy", "no-referrer")
	c.Response().Header().Set("Cache-Control", "no-store")
	if launched.Proxied {
		return s.launchProxied(c, card)
	}
	return c.Redirect(http.StatusSeeOther, launched.Link.Reveal())
}
