package web

import (
	"net/url"

	"github.com/google/uuid"
	"github.com/labstack/echo/v5"

	"github.com/ezscale/ezscale/app/metering"
	"github.com/ezscale/ezscale/app/workspaces"
	"github.com/ezscale/ezscale/tenants"
	"github.com/ezscale/ezscale/views"
)

// sessionsPerPage is how many sessions the history shows at once.
const sessionsPerPage = 25

// sessionsPage is the history of a customer's sessions, or with ?workspace= of
// one desktop, newest first.
func (s *server) sessionsPage(c *echo.Context) error {
	v, from := visitOf(c), metering.Page{Limit: sessionsPerPage + 1}
	_, after, err := page(c)
	if err != nil {
		return err
	}
	if after != "" {
		var place metering.Cursor
		if place.StartedAt, place.ID, err = cursorPlace(after); err != nil {
			return err
		}
		from.After = &place
	}
	var card workspaces.Card
	var rows []metering.Session
	var queries []tenants.Query
	if text := c.QueryParam("workspace"); text != "" {
		if from.WorkspaceID, err = idOf(text, "workspace"); err != nil {
			return err
		}
		queries = append(queries, workspaces.CardQ(&card, v.userID, from.WorkspaceID))
	}
	shell, _, err := s.desk(c, "Sessions", append(queries, metering.SessionsQ(&rows, v.userID, from))...)
	if err != nil {
		return err
	}
	p := views.SessionsProps{When: s.when(c), Of: card.PlanName}
	rows, more := cut(rows, sessionsPerPage)
	p.Sessions = rows
	if more {
		last := metering.CursorOf(rows[len(rows)-1])
		p.Older = sessionsHref(from.WorkspaceID, cursorText(last.StartedAt, last.ID))
	}
	if from.After != nil {
		p.First = sessionsHref(from.WorkspaceID, "")
	}
	return s.render(c, 200, views.SessionsPage(shell, p))
}

func sessionsHref(workspace uuid.UUID, cursor string) string {
	q := url.Values{}
	if workspace != uuid.Nil {
		q.Set("workspace", workspace.String())
	}
	if cursor != "" {
		q.Set("cursor", cursor)
	}
	if len(q) == 0 {
		return "/sessions"
	}
	return "/sessions?" + q.Encode()
}
