package web

import (
	"errors"
	"io"
	"net/http"
	"net/url"
	"time"

	"github.com/google/uuid"
	"github.com/labstack/echo/v5"

	"github.com/ezscale/ezscale/app/fail"
	"github.com/ezscale/ezscale/app/payments"
	"github.com/ezscale/ezscale/views"
)

// stripeHook takes an announcement of the processor for the shop of this host. It
// answers as soon as the announcement is kept.
func (s *server) stripeHook(c *echo.Context) error {
	r := c.Request()
	body, err := io.ReadAll(http.MaxBytesReader(c.Response(), r.Body, payments.MaxAnnouncement))
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		return fail.New(fail.TooLarge, "An announcement has at most %d KB.", payments.MaxAnnouncement>>10)
	case err != nil:
		return fail.Wrap(err, fail.BadRequest, "The announcement could not be read.")
	}
	if err := s.Payments.Announce(r.Context(), visitOf(c).tenant, body, r.Header.Get("Stripe-Signature")); err != nil {
		return err
	}
	return c.NoContent(http.StatusOK)
}

// endOfTime is later than any payment: the first page has no end.
func endOfTime() time.Time { return time.Date(9000, time.January, 1, 0, 0, 0, 0, time.UTC) }

// paymentsPerPage is how many payments the console lists at once.
const paymentsPerPage = 50

// shopPayments is where a shop's people connect it to Stripe and see what came in.
func (s *server) shopPayments(c *echo.Context) error {
	return s.shopPaymentsAs(c, http.StatusOK, views.Wrong{})
}

func (s *server) shopPaymentsAs(c *echo.Context, status int, wrong views.Wrong) error {
	v, ctx := visitOf(c), c.Request().Context()
	at, id, err := before(c)
	if err != nil {
		return err
	}
	p := views.ShopPayments{When: s.when(c), Hook: s.addressOf(c, v.tenant, "/webhooks/stripe"), Wrong: wrong, Cause: uuid.NewString()}
	person, err := s.consoleRead(c, payments.PaymentsQ(&p.Rows, at, id, paymentsPerPage+1))
	if err != nil {
		return err
	}
	account, err := s.Payments.AccountOf(ctx, v.tenant)
	if err != nil {
		return err
	}
	p.Account = account
	if len(p.Rows) > paymentsPerPage {
		p.Rows = p.Rows[:paymentsPerPage]
		last := p.Rows[paymentsPerPage-1]
		p.Older = "/reseller/payments?" + url.Values{"before": {below(last.CreatedAt, last.ID)}}.Encode()
	}
	return s.render(c, status, views.ShopPaymentsPage(s.consoleShell(c, "Payments", person), p))
}

// setStripeKeys keeps a shop's keys, once Stripe knows them.
func (s *server) setStripeKeys(c *echo.Context) error {
	v := visitOf(c)
	form, err := posted(c)
	if err != nil {
		return err
	}
	account, err := s.Payments.SetKeys(c.Request().Context(), v.tenant, "user:"+v.userID.String(), payments.Keys{Secret: form.Get("secret"), Webhook: form.Get("webhook")})
	if err != nil {
		wrong, status := wrongOf(err)
		if status == 0 {
			return err
		}
		return s.shopPaymentsAs(c, status, wrong)
	}
	putNotice(c, s.deskOfReseller(c), views.ToneGood, "The shop takes cards now, through the account "+account.Account+".")
	return seeOther(c, "/reseller/payments")
}

// refundPayment gives a top-up back to the card, and takes it out of the credit.
func (s *server) refundPayment(c *echo.Context) error {
	v := visitOf(c)
	form, err := posted(c)
	if err != nil {
		return err
	}
	id, err := idOf(c.Param("id"), "payment")
	if err != nil {
		return err
	}
	token, err := tokenOf(form.Get("cause"))
	if err != nil {
		return err
	}
	amount, err := amountOf(form.Get("amount"), form.Get("currency"))
	if err == nil {
		err = s.Payments.RefundTopUp(c.Request().Context(), v.tenant, id, amount, form.Get("reason"), "user:"+v.userID.String(), token)
	}
	switch {
	case err == nil:
		putNotice(c, s.deskOfReseller(c), views.ToneGood, "The money goes back to the card. That takes the bank a few days.")
	case fail.Is(err, fail.PaymentRequired):
		putNotice(c, s.deskOfReseller(c), views.ToneBad, "The customer has used some of this credit already. Give back at most what is left.")
	case fail.Is(err, fail.Invalid), fail.Is(err, fail.Conflict):
		putNotice(c, s.deskOfReseller(c), views.ToneBad, err.Error())
	default:
		return err
	}
	return seeOther(c, "/reseller/payments")
}
