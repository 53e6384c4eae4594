package web

import (
	"net/http"
	"net/url"
	"strings"

	"github.com/labstack/echo/v5"
	"github.com/shopspring/decimal"

	"github.com/ezscale/ezscale/app/fail"
	"github.com/ezscale/ezscale/app/money"
	"github.com/ezscale/ezscale/app/payments"
	"github.com/ezscale/ezscale/views"
)

// topUp leads to the processor's page on which credit is bought.
func (s *server) topUp(c *echo.Context) error {
	v := visitOf(c)
	form, err := posted(c)
	if err != nil {
		return err
	}
	token, err := tokenOf(form.Get("cause"))
	if err != nil {
		return err
	}
	amount, err := amountOf(form.Get("amount"), v.tenant.Currency)
	var to payments.Visit
	if err == nil {
		to, err = s.Payments.BuyCredit(c.Request().Context(), v.tenant, v.userID, amount, token)
	}
	switch wrong, status := wrongOf(err); {
	case payments.NoCards(err):
		return s.noCards(c)
	case err != nil && status == 0:
		return err
	case err != nil:
		return s.billingAs(c, status, func(p *views.Billing) {
			p.TopUp.Amount, p.TopUp.Wrong = form.Get("amount"), wrong
		})
	case to.URL == "":
		return seeOther(c, "/payments/"+to.Payment.String()+"/confirm")
	}
	return s.toCheckout(c, to.URL)
}

// amountOf reads an amount that somebody typed. Errors: Invalid (amount).
func amountOf(text, currency string) (decimal.Decimal, error) {
	amount, err := money.Parse(strings.TrimSpace(text), currency)
	if err != nil || len(text) > 20 {
		return decimal.Zero, fail.Fields{"amount": "Enter an amount such as " + money.API(decimal.NewFromInt(20), currency) + "."}.Err()
	}
	return amount.D, nil
}

// topUpDone is where the processor's page leads back to.
func (s *server) topUpDone(c *echo.Context) error {
	v := visitOf(c)
	if _, _, err := s.desk(c, "Payment"); err != nil {
		return err
	}
	row, err := s.Payments.Returned(c.Request().Context(), v.tenant, v.userID, c.QueryParam("session_id"))
	if err != nil {
		return err
	}
	switch {
	case row.Status == payments.Succeeded:
		putNotice(c, s.doors.shop, views.ToneGood, "Thank you. "+row.Money()+" are in your credit.")
	case row.Open():
		putNotice(c, s.doors.shop, views.ToneInfo, "The payment is on its way. Your credit follows as soon as it is confirmed.")
	default:
		putNotice(c, s.doors.shop, views.ToneWarn, "The payment did not go through. Nothing was charged.")
	}
	return seeOther(c, "/billing")
}

// payInvoice leads to the processor's page on which an invoice is paid.
func (s *server) payInvoice(c *echo.Context) error {
	v := visitOf(c)
	to, err := s.Payments.PayInvoice(c.Request().Context(), v.tenant, v.userID, c.Param("number"))
	return s.onToPay(c, to, err, "/invoices/"+url.PathEscape(c.Param("number")))
}

func (s *server) onToPay(c *echo.Context, to payments.Visit, err error, back string) error {
	switch {
	case payments.NoCards(err):
		return s.noCards(c)
	case fail.Is(err, fail.Conflict):
		putNotice(c, s.doors.shop, views.ToneWarn, err.Error())
		return seeOther(c, back)
	case err != nil:
		return err
	case to.URL == "":
		putNotice(c, s.doors.shop, views.ToneGood, "This is paid. Thank you.")
		return seeOther(c, back)
	}
	return s.toCheckout(c, to.URL)
}

// paymentPage says where a payment stands, and offers to confirm one that the bank
// allows only with the customer present.
func (s *server) paymentPage(c *echo.Context) error {
	v := visitOf(c)
	id, err := idOf(c.Param("id"), "payment")
	if err != nil {
		return err
	}
	shell, _, err := s.desk(c, "Payment")
	if err != nil {
		return err
	}
	row, err := s.Payments.Look(c.Request().Context(), v.tenant, v.userID, id)
	if err != nil {
		return err
	}
	shell.Narrow = true
	return s.render(c, http.StatusOK, views.PaymentPage(shell, row))
}

// confirmPayment leads to the processor's page on which the bank asks the customer.
func (s *server) confirmPayment(c *echo.Context) error {
	v := visitOf(c)
	id, err := idOf(c.Param("id"), "payment")
	if err != nil {
		return err
	}
	to, err := s.Payments.ConfirmAgain(c.Request().Context(), v.tenant, v.userID, id)
	return s.onToPay(c, to, err, "/payments/"+id.String()+"/confirm")
}
