package web

import (
	"errors"
	"net/http"

	"github.com/google/uuid"
	"github.com/labstack/echo/v5"
	"github.com/shopspring/decimal"

	"github.com/ezscale/ezscale/app/fail"
	"github.com/ezscale/ezscale/app/ledger"
	"github.com/ezscale/ezscale/app/metering"
	"github.com/ezscale/ezscale/app/money"
	"github.com/ezscale/ezscale/app/workspaces"
	"github.com/ezscale/ezscale/views"
)

// orderPage shows what can be ordered. ?workspace_type= and ?template= choose
// beforehand, for links from the shop's front.
func (s *server) orderPage(c *echo.Context) error {
	return s.orderForm(c, http.StatusOK, views.OrderProps{Type: c.QueryParam("workspace_type"), Template: c.QueryParam("template")})
}

// orderForm draws the form with what was chosen and what was wrong with it.
func (s *server) orderForm(c *echo.Context, status int, p views.OrderProps) error {
	var minimum decimal.Decimal
	var sp spending
	shell, person, balance, err := s.deskWithCredit(c, "Order a desktop",
		append(s.spendingQs(c, &sp), workspaces.PlansQ(&p.Plans), workspaces.TemplatesQ(&p.Templates), ledger.MinimumQ(&minimum))...)
	if err != nil {
		return err
	}
	p.Verified, p.MayStart = person.Verified(), balance.Enough(minimum) || sp.funds.HasMethod
	p.Minimum, p.Support, p.Credit = money.Of(minimum, balance.Currency).Format(), shell.Brand.SupportEmail, sp.funds.Free()
	p.When, p.Reach = s.when(c), map[uuid.UUID]views.DeskFunds{}
	for _, plan := range p.Plans {
		p.Reach[plan.ID] = views.DeskFunds{Runway: sp.started(plan.PricePerHour, plan.BlockSeconds, p.When), Shared: len(sp.open) + 1, Known: sp.funds.Currency == plan.Currency}
	}
	p.Rooms = s.Workspaces.Rooms(c.Request().Context())
	if p.Said == "" && len(p.Fields) == 0 {
		p.Type = p.FirstWithRoom()
	}
	return s.render(c, status, views.OrderPage(shell, p))
}

// order takes an order and leads to the service behind it.
func (s *server) order(c *echo.Context) error {
	v := visitOf(c)
	form, err := posted(c)
	if err != nil {
		return err
	}
	p := views.OrderProps{Type: form.Get("workspace_type"), Template: form.Get("template")}
	limit, until, err := limitOf(form)
	p.Until = until
	var w workspaces.Workspace
	if err == nil {
		w, err = s.Workspaces.Order(c.Request().Context(), v.tenant, workspaces.Order{
			UserID: v.userID, PlanType: p.Type, Template: p.Template, Limit: limit, StartedBy: metering.ByCustomer})
	}
	if err != nil {
		return s.orderRefused(c, err, p)
	}
	return seeOther(c, "/services/"+w.ServiceID.String())
}

// orderRefused shows the form again with what stands in the way: a field (422),
// the credit (402), the address that is not verified (403), a limit (409), or
// that no host has room (503).
func (s *server) orderRefused(c *echo.Context, err error, p views.OrderProps) error {
	var refused *fail.Error
	if !errors.As(err, &refused) {
		return err
	}
	switch refused.Kind {
	case fail.Invalid:
		p.Fields, p.Until.Wrong.Fields = refused.Fields, refused.Fields
	case fail.PaymentRequired, fail.Forbidden, fail.Conflict:
		p.Said = refused.Message
	case fail.Unavailable:
		if refused.Code != workspaces.CodeNoCapacity {
			return err
		}
		p.Said, p.Again = refused.Message, true
		c.Response().Header().Set("Retry-After", "30")
	default:
		return err
	}
	return s.orderForm(c, statuses[refused.Kind], p)
}

// serviceRedirect leads from a service to its desktop.
func (s *server) serviceRedirect(c *echo.Context) error {
	v := visitOf(c)
	id, err := idOf(c.Param("id"), "service")
	if err != nil {
		return err
	}
	var card workspaces.Card
	if _, _, err := s.desk(c, "", workspaces.ByServiceQ(&card, v.userID, id)); err != nil {
		return err
	}
	return seeOther(c, "/workspaces/"+card.ID.String())
}
