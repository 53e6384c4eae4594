package web

import (
	"context"
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
	v, when := visitOf(c), s.when(c)
	id, err := idOf(c.Param("id"), "workspace")
	if err != nil {
		return err
	}
	var card workspaces.Card
	var sessions []metering.Session
	shell, _, err := s.desk(c, "Desktop", workspaces.CardQ(&card, v.userID, id), metering.OfWorkspaceQ(&sessions, id, sessionsOfDesk+1))
	if err != nil {
		return err
	}
	page := views.WorkspaceProps{Desk: deskOf(c, when, card, openOf(id, sessions), "")}
	page.Sessions, page.More = cut(sessions, sessionsOfDesk)
	if page.Password, err = s.Workspaces.Password(v.tenant, card.Workspace); err != nil {
		return err
	}
	shell.Title = card.PlanName
	return s.render(c, 200, views.WorkspacePage(shell, page))
}

// readDesk reads one desktop of the caller with its running session, if any.
func (s *server) readDesk(c *echo.Context, id uuid.UUID) (views.Desk, error) {
	v, when := visitOf(c), s.when(c)
	var card workspaces.Card
	var session metering.Session
	var runs bool
	err := s.readOwn(c, workspaces.CardQ(&card, v.userID, id), metering.OpenSessionQ(&session, &runs, id))
	desk := deskOf(c, when, card, nil, nextOf(c))
	if runs {
		desk.Session = &session
	}
	return desk, err
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

func (s *server) startWorkspace(c *echo.Context) error { return s.change(c, s.Workspaces.Start) }

func (s *server) stopWorkspace(c *echo.Context) error { return s.change(c, s.Workspaces.Stop) }

// change asks for something of one of the caller's own desktops and shows how it
// stands then: the card to htmx, a page to a browser without scripts. Asking for
// what is so already changes nothing. A conflict is 409 with the true state.
func (s *server) change(c *echo.Context, do deed) error {
	v := visitOf(c)
	id, err := idOf(c.Param("id"), "workspace")
	if err != nil {
		return err
	}
	_, err = do(c.Request().Context(), v.tenant, workspaces.Who{UserID: v.userID}, id, metering.ByCustomer)
	if err != nil && (!fail.Is(err, fail.Conflict) || !isHTMX(c)) {
		return err
	}
	if !isHTMX(c) {
		return seeOther(c, localPath(c.QueryParam("next"), "/workspaces/"+id.String()))
	}
	desk, readErr := s.readDesk(c, id)
	if readErr != nil {
		return readErr
	}
	status := http.StatusOK
	if err != nil {
		desk.Said, status = err.Error(), http.StatusConflict
	}
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
