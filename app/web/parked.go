package web

import (
	"context"
	"encoding/json"
	"net/url"
	"strings"
	"time"

	"github.com/a-h/templ"
	"github.com/google/uuid"
	"github.com/labstack/echo/v5"

	"github.com/ezscale/ezscale/app/accounts"
	"github.com/ezscale/ezscale/app/attention"
	"github.com/ezscale/ezscale/app/fail"
	"github.com/ezscale/ezscale/app/parking"
	"github.com/ezscale/ezscale/tenants"
	"github.com/ezscale/ezscale/views"
)

// parkedMost bounds how many of a shop's parked customers one page shows; those that
// wait longest come first, and a release makes room.
const parkedMost = 100

// again is a form that was wrong, beside its row.
type again struct {
	id     string
	reason string
	wrong  views.Wrong
}

// parkedPage lists the shop's parked customers.
func (s *server) parkedPage(c *echo.Context) error {
	view, err := s.parkedOf(c, again{})
	if err != nil {
		return err
	}
	return s.render(c, 200, view)
}

func (s *server) parkedOf(c *echo.Context, last again) (templ.Component, error) {
	v := visitOf(c)
	var list []parking.Parked
	person, err := s.consoleRead(c, parking.ParkedQ(&list, parkedMost))
	if err != nil {
		return nil, err
	}
	page := views.ParkedList{Back: views.NavItem{Label: "Your shop", Href: "/reseller"}, Text: "Nothing is charged to these customers and nothing of theirs starts until you release them."}
	for _, p := range list {
		row := views.ParkedRow{ID: p.ID.String(), Name: p.Name, Email: p.Email, Since: p.ParkedAt.In(v.tenant.Zone).Format("Jan 2, 15:04"), Text: p.Numbers().Sentence(),
			Release: "/reseller/parked/" + p.ID.String() + "/release"}
		page.Rows = append(page.Rows, last.onto(row))
	}
	return views.ParkedPage(s.consoleShell(c, "Parked accounts", person), page), nil
}

func (a again) onto(row views.ParkedRow) views.ParkedRow {
	if a.id == row.ID {
		row.Reason, row.Wrong = a.reason, a.wrong
	}
	return row
}

// releaseParked lets one of the shop's customers go on.
func (s *server) releaseParked(c *echo.Context) error {
	v := visitOf(c)
	return s.release(c, v.tenant, "user:"+v.userID.String(), s.parkedOf, func(text string) error {
		putNotice(c, s.deskOfReseller(c), views.ToneGood, text)
		return seeOther(c, "/reseller/parked")
	})
}

// adminReleaseParked does the same for an operator.
func (s *server) adminReleaseParked(c *echo.Context) error {
	shop, known := s.Registry.BySlug(c.Param("shop"))
	if !known {
		return fail.Missing("shop")
	}
	return s.release(c, shop, "operator:"+visitOf(c).operator.Email, s.adminParkedOf, func(text string) error {
		putNotice(c, s.doors.admin, views.ToneGood, text)
		return seeOther(c, "/admin/parked")
	})
}

func (s *server) release(c *echo.Context, shop tenants.Tenant, by string, draw func(*echo.Context, again) (templ.Component, error), done func(string) error) error {
	form, err := posted(c)
	if err != nil {
		return err
	}
	id, err := idOf(c.Param("id"), "customer")
	if err != nil {
		return err
	}
	ctx, reason := c.Request().Context(), form.Get("reason")
	if err = s.isCustomer(ctx, shop, id); err == nil {
		err = s.Parking.Release(ctx, shop, id, by, reason)
	}
	if err == nil {
		return done("The account is released.")
	}
	wrong, status := wrongOf(err)
	if status == 0 {
		return err
	}
	view, drawn := draw(c, again{id.String(), reason, wrong})
	if drawn != nil {
		return drawn
	}
	return s.render(c, status, view)
}

// isCustomer is fail.NotFound for somebody of another shop, before anything is said
// about the form.
func (s *server) isCustomer(ctx context.Context, shop tenants.Tenant, id uuid.UUID) error {
	var person accounts.User
	return s.DB.Read(ctx, shop, accounts.UserQ(&person, id))
}

// adminParkedPage lists the parked customers of all shops: they stand on the list of
// what needs a person, so no shop has to be asked.
func (s *server) adminParkedPage(c *echo.Context) error {
	view, err := s.adminParkedOf(c, again{})
	if err != nil {
		return err
	}
	return s.render(c, 200, view)
}

func (s *server) adminParkedOf(c *echo.Context, last again) (templ.Component, error) {
	from, err := attentionCursor(c.QueryParam("cursor"))
	if err != nil {
		return nil, err
	}
	var items []attention.Item
	if err := s.DB.CentralRead(c.Request().Context(), attention.ListQ(&items, parking.Kind, from, attentionPage+1)); err != nil {
		return nil, err
	}
	page := views.ParkedList{Back: views.NavItem{Label: "Needs attention", Href: "/admin/attention"}, Text: "Customers of all shops whose figures passed a bound."}
	if len(items) > attentionPage {
		items = items[:attentionPage]
		page.Older = views.NavItem{Label: "Older", Href: "/admin/parked?cursor=" + url.QueryEscape(cursorOf(items[attentionPage-1]))}
	}
	for _, item := range items {
		if row, ok := s.parkedRow(item); ok {
			page.Rows = append(page.Rows, last.onto(row))
		}
	}
	return views.ParkedPage(s.adminShell(c, "Parked accounts"), page), nil
}

func (s *server) parkedRow(item attention.Item) (views.ParkedRow, bool) {
	shop, known := s.Registry.ByID(item.TenantID)
	var who struct {
		Name, Email string
		parking.Numbers
	}
	if !known || json.Unmarshal(item.Detail, &who) != nil {
		return views.ParkedRow{}, false
	}
	return views.ParkedRow{ID: item.Subject, Name: who.Name, Email: who.Email, Shop: shop.Name, Since: item.CreatedAt.UTC().Format(time.DateTime + " UTC"), Text: who.Sentence(),
		Release: strings.Join([]string{"/admin/parked", shop.Slug, item.Subject, "release"}, "/")}, true
}
