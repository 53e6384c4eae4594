package web

import (
	"net/http"
	"time"

	"github.com/google/uuid"
	"github.com/labstack/echo/v5"

	"github.com/ezscale/ezscale/app/billing"
	"github.com/ezscale/ezscale/app/money"
)

// invoiceJSON is an invoice as programs get it, from the API and as a file.
type invoiceJSON struct {
	Number         string       `json:"number"`
	Kind           string       `json:"kind"`
	Status         string       `json:"status"`
	IssuedAt       *string      `json:"issued_at"`
	PeriodStart    *string      `json:"period_start"`
	PeriodEnd      *string      `json:"period_end"`
	Currency       string       `json:"currency"`
	Lines          []lineJSON   `json:"lines"`
	Subtotal       string       `json:"subtotal"`
	Discount       string       `json:"discount"`
	CouponCode     string       `json:"coupon_code"`
	Tax            string       `json:"tax"`
	Taxes          []taxJSON    `json:"taxes"`
	Total          string       `json:"total"`
	PrepaidApplied string       `json:"prepaid_applied"`
	BonusApplied   string       `json:"bonus_applied"`
	CreditApplied  string       `json:"credit_applied"`
	PaidAmount     string       `json:"paid_amount"`
	Credited       string       `json:"credited"`
	AmountDue      string       `json:"amount_due"`
	DueDate        string       `json:"due_date"`
	PaidAt         *string      `json:"paid_at"`
	VoidedAt       *string      `json:"voided_at"`
	CreditNotes    []creditJSON `json:"credit_notes"`
}

type taxJSON struct {
	Name      string `json:"name"`
	Percent   string `json:"percent"`
	Inclusive bool   `json:"inclusive"`
	Net       string `json:"net"`
	Tax       string `json:"tax"`
}

type creditJSON struct {
	Number string `json:"number"`
	Total  string `json:"total"`
}

type lineJSON struct {
	Position      int             `json:"position"`
	Kind          string          `json:"kind"`
	Description   string          `json:"description"`
	WorkspaceType string          `json:"workspace_type"`
	CostPerHour   string          `json:"cost_per_hour"`
	BlockSeconds  int             `json:"block_seconds"`
	Blocks        int64           `json:"blocks"`
	Amount        string          `json:"amount"`
	Discount      string          `json:"discount"`
	TaxName       string          `json:"tax_name"`
	TaxPercent    string          `json:"tax_percent"`
	TaxInclusive  bool            `json:"tax_inclusive"`
	PeriodStart   *string         `json:"period_start"`
	PeriodEnd     *string         `json:"period_end"`
	Statement     []statementJSON `json:"statement,omitempty"`
}

type statementJSON struct {
	SessionID uuid.UUID `json:"session_id"`
	Text      string    `json:"text"`
	Amount    string    `json:"amount"`
}

// apiInvoices lists the caller's invoices with their lines, newest first.
func (s *server) apiInvoices(c *echo.Context) error {
	limit, before, err := page(c)
	if err != nil {
		return err
	}
	v := visitOf(c)
	var rows []billing.Invoice
	var lines []billing.Line
	var credits []billing.InvoiceCredit
	if err := s.DB.Read(c.Request().Context(), v.tenant, billing.InvoicesQ(&rows, v.userID, before, limit+1), billing.LinesQ(&lines, v.userID, before, limit+1),
		billing.CreditRefsQ(&credits, v.userID, before, limit+1)); err != nil {
		return err
	}
	rows, more := cut(rows, limit)
	answer := map[string]any{"invoices": apiInvoiceList(rows, lines, credits), "next_cursor": nil}
	if more {
		answer["next_cursor"] = cursorName(rows[len(rows)-1].Number)
	}
	return c.JSON(http.StatusOK, answer)
}

// apiInvoice gives one invoice with the statement under each line.
func (s *server) apiInvoice(c *echo.Context) error {
	v := visitOf(c)
	var d billing.Document
	if err := s.DB.Read(c.Request().Context(), v.tenant, billing.DocumentQs(&d, v.userID, c.Param("number"))...); err != nil {
		return err
	}
	return c.JSON(http.StatusOK, apiInvoiceOf(d, v.tenant.Zone))
}

// apiInvoiceList joins invoices with their lines and credit notes.
func apiInvoiceList(rows []billing.Invoice, lines []billing.Line, credits []billing.InvoiceCredit) []invoiceJSON {
	linesOf, creditsOf := map[uuid.UUID][]billing.Line{}, map[string][]billing.CreditRef{}
	for _, l := range lines {
		linesOf[l.InvoiceID] = append(linesOf[l.InvoiceID], l)
	}
	for _, c := range credits {
		creditsOf[c.InvoiceNumber] = append(creditsOf[c.InvoiceNumber], c.CreditRef)
	}
	list := make([]invoiceJSON, len(rows))
	for i, inv := range rows {
		list[i] = apiInvoiceOf(billing.Document{Detail: billing.Detail{Invoice: inv, Lines: linesOf[inv.ID]}, Credits: creditsOf[inv.Number]}, time.UTC)
	}
	return list
}

func apiInvoiceOf(d billing.Document, zone *time.Location) invoiceJSON {
	i := d.Invoice
	out := invoiceJSON{Number: i.Number, Kind: i.Kind, Status: string(i.Status), IssuedAt: stamp(&i.FinalisedAt), PeriodStart: stamp(&i.PeriodStart), PeriodEnd: stamp(&i.PeriodEnd),
		Currency: i.Currency, Lines: []lineJSON{}, Subtotal: i.API(i.Subtotal), Discount: i.API(i.Discount), CouponCode: i.CouponCode, Tax: i.API(i.Tax), Taxes: []taxJSON{},
		Total: i.API(i.Total), PrepaidApplied: i.API(i.PrepaidApplied), BonusApplied: i.API(i.BonusApplied), CreditApplied: i.API(i.CreditApplied),
		PaidAmount: i.API(i.PaidAmount), Credited: i.API(i.Credited), AmountDue: i.API(i.AmountDue), DueDate: i.DueDate.Format(time.DateOnly),
		PaidAt: stamp(i.PaidAt), VoidedAt: stamp(i.VoidedAt), CreditNotes: []creditJSON{}}
	for _, l := range d.Lines {
		line := apiLine(l)
		for _, e := range d.Statement(l) {
			line.Statement = append(line.Statement, statementJSON{e.SessionID, e.Text(zone), e.Amount()})
		}
		out.Lines = append(out.Lines, line)
	}
	for _, t := range d.TaxLines() {
		out.Taxes = append(out.Taxes, taxJSON{t.Name, t.Percent.String(), t.Inclusive, i.API(t.Net), i.API(t.Tax)})
	}
	for _, c := range d.Credits {
		out.CreditNotes = append(out.CreditNotes, creditJSON{c.Number, c.API()})
	}
	return out
}

func apiLine(l billing.Line) lineJSON {
	return lineJSON{Position: l.Position, Kind: string(l.Kind), Description: l.Description, WorkspaceType: l.WorkspaceType, CostPerHour: money.API(l.CostPerHour, l.Currency),
		BlockSeconds: l.BlockSeconds, Blocks: l.Blocks, Amount: l.API(), Discount: money.API(l.Discount, l.Currency), TaxName: l.TaxName, TaxPercent: l.TaxPercent.String(),
		TaxInclusive: l.TaxInclusive, PeriodStart: stamp(&l.PeriodStart), PeriodEnd: stamp(&l.PeriodEnd)}
}
