package web

import (
	"context"
	"net"
	"net/url"

	"github.com/google/uuid"
	"github.com/labstack/echo/v5"

	"github.com/ezscale/ezscale/app/fail"
	"github.com/ezscale/ezscale/app/payments"
	"github.com/ezscale/ezscale/app/wholesale"
	"github.com/ezscale/ezscale/views"
)

// payWholesale leads a reseller to the processor's page, at the provider's account.
func (s *server) payWholesale(c *echo.Context) error {
	v, ctx := visitOf(c), c.Request().Context()
	var inv wholesale.Invoice
	if err := s.DB.CentralRead(ctx, wholesale.InvoiceQ(&inv, v.tenant.ID, c.Param("number"))); err != nil {
		return err
	}
	page := "/reseller/wholesale/" + url.PathEscape(inv.Number)
	host := s.hostOf(c.Request())
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	to, err := s.Payments.PayWholesale(ctx, v.tenant, inv.ID, s.onHost(c, host, page))
	switch {
	case payments.NoCards(err), fail.Is(err, fail.Conflict):
		putNotice(c, s.deskOfReseller(c), views.ToneWarn, "This cannot be paid by card at the moment. Please pay by transfer.")
		return seeOther(c, page)
	case err != nil:
		return err
	case to.URL == "":
		return seeOther(c, page)
	}
	return s.toCheckout(c, to.URL)
}

// lookWholesale applies what came of the payment of a shop's own invoice, when its
// page is opened. That the processor cannot be asked keeps nobody from the page.
func (s *server) lookWholesale(ctx context.Context, shop uuid.UUID, number string) {
	if s.Payments == nil {
		return
	}
	var inv wholesale.Invoice
	err := s.DB.CentralRead(ctx, wholesale.InvoiceQ(&inv, shop, number))
	if err == nil && inv.Status == wholesale.Open {
		err = s.Payments.LookWholesale(ctx, inv.ID)
	}
	if err != nil && !fail.Is(err, fail.NotFound) {
		s.log.Warn("the payment of a wholesale invoice could not be looked at", "number", number, "error", err)
	}
}

// payByCard is the button on an open invoice; none where the provider takes no cards.
func (s *server) payByCard(ctx context.Context, inv wholesale.Invoice) []views.ReportAction {
	house, ok := s.Registry.House()
	if !ok || s.Payments == nil {
		return nil
	}
	if account, err := s.Payments.AccountOf(ctx, house); err != nil || !account.Set {
		return nil
	}
	return []views.ReportAction{{ID: "pay-wholesale", Label: "Pay " + inv.Money(inv.AmountDue) + " by card", Action: "/reseller/wholesale/" + url.PathEscape(inv.Number) + "/pay", Kind: views.Primary}}
}
