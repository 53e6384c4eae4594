package web

import (
	"context"
	"net/url"
	"strings"

	"github.com/google/uuid"
	"github.com/labstack/echo/v5"

	"github.com/ezscale/ezscale/app/erasure"
	"github.com/ezscale/ezscale/tenants"
	"github.com/ezscale/ezscale/views"
)

// eraseCustomer closes somebody's account and has them forgotten.
func (s *server) eraseCustomer(c *echo.Context) error {
	return s.saveCustomer(c, customerSaving{saved: "The account is closed. Who it was is forgotten as soon as nothing holds that up.",
		do: func(ctx context.Context, t tenants.Tenant, actor string, id uuid.UUID, form url.Values) error {
			_, err := s.Erasure.Ask(ctx, t, erasure.Request{Actor: actor, User: id, Email: strings.ToLower(strings.TrimSpace(form.Get("erase_email"))), LeaveCredit: form.Get("leave_credit") != ""})
			return err
		},
		again: func(p *views.Customer, form url.Values, wrong views.Wrong) {
			p.Erase = views.EraseForm{Email: form.Get("erase_email"), LeaveCredit: form.Get("leave_credit") != "", Wrong: wrong}
		}})
}
