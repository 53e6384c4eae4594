package web

import (
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/labstack/echo/v5"
	"github.com/shopspring/decimal"

	"github.com/ezscale/ezscale/app/billing"
	"github.com/ezscale/ezscale/app/fail"
	"github.com/ezscale/ezscale/app/money"
	"github.com/ezscale/ezscale/views"
)

// shopInvoicesOnPage is how many invoices of the shop are listed at once.
const shopInvoicesOnPage = 50

func (s *server) shopInvoicesPage(c *echo.Context) error {
	t, now := visitOf(c).tenant, s.Clock.Now()
	p := views.ShopInvoices{When: s.when(c), Query: strings.TrimSpace(c.QueryParam("q")), Status: c.QueryParam("status"), Overdue: map[string]bool{}}
	at, id, err := before(c)
	if err != nil {
		return err
	}
	y, m, d := now.In(t.Zone).Date()
	today := time.Date(y, m, d, 0, 0, 0, 0, time.UTC)
	person, err := s.consoleRead(c, billing.ShopListQ(&p.Rows, p.Status, p.Query, today, at, id, shopInvoicesOnPage+1))
	if err != nil {
		return err
	}
	if len(p.Rows) > shopInvoicesOnPage {
		p.Rows = p.Rows[:shopInvoicesOnPage]
		last := p.Rows[shopInvoicesOnPage-1]
		p.Older = "/reseller/invoices?" + url.Values{"q": {p.Query}, "status": {p.Status}, "before": {below(last.CreatedAt, last.ID)}}.Encode()
	}
	for _, i := range p.Rows {
		p.Overdue[i.Number] = i.Overdue(now, t.Zone)
	}
	return s.render(c, http.StatusOK, views.ShopInvoicesPage(s.consoleShell(c, "Invoices", person), p))
}

func (s *server) shopInvoicePage(c *echo.Context) error {
	return s.shopInvoiceAs(c, http.StatusOK, func(*views.ShopInvoiceProps) {})
}

// shopInvoiceAs draws one invoice, perhaps with what was typed into a form of it.
func (s *server) shopInvoiceAs(c *echo.Context, status int, how func(*views.ShopInvoiceProps)) error {
	p := views.ShopInvoiceProps{When: s.when(c), Cause: uuid.NewString()}
	person, err := s.consoleRead(c, append(billing.ShopDetailQs(&p.Detail, c.Param("number")), s.Payments.TakesCardsQ(&p.Cards, visitOf(c).tenant))...)
	if err != nil {
		return err
	}
	p.Paid.Values = map[string]string{"amount": p.Detail.API(p.Detail.AmountDue), "method": billing.ByBank}
	how(&p)
	return s.render(c, status, views.ShopInvoicePage(s.consoleShell(c, "Invoice "+p.Detail.Number, person), p))
}

// onShopInvoice reads a form about one invoice of the shop, does what it asks for and
// shows it again when something was wrong.
func (s *server) onShopInvoice(c *echo.Context, done string, do func(d billing.ShopDetail, form url.Values, cause string) error, wrongIn func(*views.ShopInvoiceProps) *views.TermsForm) error {
	form, err := posted(c)
	if err != nil {
		return err
	}
	var d billing.ShopDetail
	if _, err := s.consoleRead(c, billing.ShopDetailQs(&d, c.Param("number"))...); err != nil {
		return err
	}
	cause := form.Get("cause")
	if id, err := uuid.Parse(cause); err == nil {
		cause = id.String()
	} else {
		cause = uuid.NewString()
	}
	err = do(d, form, cause)
	if wrong, status := wrongOf(err); status != 0 {
		return s.shopInvoiceAs(c, status, func(p *views.ShopInvoiceProps) {
			if p.Detail.Status == billing.Open {
				*wrongIn(p) = typed(form, wrong)
			} else {
				p.Problem, p.Credit = wrong.Whole, typed(form, views.Wrong{Fields: wrong.Fields})
			}
			p.Cause = cause
		})
	}
	if err != nil {
		return err
	}
	return s.consoleDone(c, done, "/reseller/invoices/"+d.Number)
}

func (s *server) creditShopInvoice(c *echo.Context) error {
	return s.onShopInvoice(c, "The credit note is made.", func(d billing.ShopDetail, form url.Values, cause string) error {
		wish := billing.CreditWish{InvoiceID: d.ID, Reason: strings.TrimSpace(form.Get("reason")), Cause: "staff:" + cause, By: consoleActor(c), Prefer: form.Get("prefer")}
		lines, err := creditLinesOf(d, form)
		if err != nil {
			return err
		}
		wish.Lines = lines
		_, err = s.Billing.Credit(c.Request().Context(), visitOf(c).tenant, wish)
		return err
	}, func(p *views.ShopInvoiceProps) *views.TermsForm { return &p.Credit })
}

// creditLinesOf are the amounts that were typed beside the lines; none for all that is
// left. One amount alone, without a line, is taken from the lines in order.
func creditLinesOf(d billing.ShopDetail, form url.Values) ([]billing.CreditLine, error) {
	if form.Get("all") == "1" {
		return nil, nil
	}
	f := figures{form, fail.Fields{}}
	var lines []billing.CreditLine
	for _, l := range d.Lines {
		if amount := f.decimal("amount-" + strconv.Itoa(l.Position)); amount != nil {
			lines = append(lines, billing.CreditLine{ItemID: l.ID, Amount: *amount})
		}
	}
	if rest := f.decimal("amount"); rest != nil && len(lines) == 0 {
		lines = spreadOver(d, *rest)
	}
	if err := f.wrong.Err(); err != nil {
		return nil, err
	}
	if len(lines) == 0 {
		return nil, fail.Fields{"amount": "Say how much of a line to give back."}.Err()
	}
	return lines, nil
}

// spreadOver takes an amount from the lines of an invoice in order. What is beyond all
// of them stays on the last, so that it is refused with what is left.
func spreadOver(d billing.ShopDetail, amount decimal.Decimal) []billing.CreditLine {
	var lines []billing.CreditLine
	for _, l := range d.Lines {
		if part := decimal.Min(l.Rest(), amount); part.IsPositive() {
			lines, amount = append(lines, billing.CreditLine{ItemID: l.ID, Amount: part}), amount.Sub(part)
		}
	}
	if n := len(lines); n > 0 && amount.IsPositive() {
		lines[n-1].Amount = lines[n-1].Amount.Add(amount)
	}
	return lines
}

func (s *server) voidShopInvoice(c *echo.Context) error {
	return s.onShopInvoice(c, "The invoice is withdrawn.", func(d billing.ShopDetail, form url.Values, _ string) error {
		return s.Billing.Void(c.Request().Context(), visitOf(c).tenant, d.ID, strings.TrimSpace(form.Get("reason")), consoleActor(c))
	}, func(p *views.ShopInvoiceProps) *views.TermsForm { return &p.Void })
}

func (s *server) payShopInvoice(c *echo.Context) error {
	return s.onShopInvoice(c, "The payment is recorded.", func(d billing.ShopDetail, form url.Values, cause string) error {
		hand := billing.ByHand{InvoiceID: d.ID, Method: form.Get("method"), Reference: form.Get("reference"), Token: cause, Actor: consoleActor(c)}
		if hand.Method == "" {
			hand.Method = billing.ByBank
		}
		if text := strings.TrimSpace(form.Get("amount")); text != "" {
			amount, err := money.Parse(text, d.Currency)
			if err != nil || len(text) > longestFigure {
				return fail.Fields{"amount": "Enter an amount such as " + d.API(d.AmountDue) + "."}.Err()
			}
			hand.Amount = &amount.D
		}
		return s.Billing.MarkPaid(c.Request().Context(), visitOf(c).tenant, hand)
	}, func(p *views.ShopInvoiceProps) *views.TermsForm { return &p.Paid })
}
