package web

import (
	"encoding/json"
	"net/http"
	"time"

	"github.com/google/uuid"
	"github.com/labstack/echo/v5"
	"github.com/shopspring/decimal"

	"github.com/ezscale/ezscale/app/billing"
	"github.com/ezscale/ezscale/app/fail"
	"github.com/ezscale/ezscale/app/metering"
	"github.com/ezscale/ezscale/app/money"
)

type sessionJSON struct {
	SessionID       uuid.UUID `json:"session_id"`
	WorkspaceID     uuid.UUID `json:"workspace_id"`
	StartedAt       *string   `json:"started_at"`
	StoppedAt       *string   `json:"stopped_at"`
	Duration        int64     `json:"duration_seconds"`
	BillableSeconds int64     `json:"duration_billable_seconds"`
	Blocks          int       `json:"blocks"`
	CostPerHour     string    `json:"cost_per_hour"`
	TotalCost       string    `json:"total_cost"`
	InvoiceNumbers  []string  `json:"invoice_numbers"`
}

// apiSessions lists the caller's sessions, newest first. A running one shows what
// it would be billed if it stopped now.
func (s *server) apiSessions(c *echo.Context) error {
	limit, after, err := page(c)
	if err != nil {
		return err
	}
	v, from := visitOf(c), metering.Page{Limit: limit + 1}
	if text := c.QueryParam("workspace_id"); text != "" {
		if from.WorkspaceID, err = idOf(text, "workspace"); err != nil {
			return err
		}
	}
	if after != "" {
		var place metering.Cursor
		if place.StartedAt, place.ID, err = cursorPlace(after); err != nil {
			return err
		}
		from.After = &place
	}
	var rows []metering.Session
	if err := s.DB.Read(c.Request().Context(), v.tenant, metering.SessionsQ(&rows, v.userID, from)); err != nil {
		return err
	}
	rows, more := cut(rows, limit)
	list, now := make([]sessionJSON, len(rows)), s.Clock.Now()
	for i, r := range rows {
		numbers := r.InvoiceNumbers
		if numbers == nil {
			numbers = []string{}
		}
		list[i] = sessionJSON{r.ID, r.WorkspaceID, stamp(&r.StartedAt), stamp(r.StoppedAt), r.SecondsAt(now), r.BillableSecondsAt(now), r.BlocksAt(now),
			money.API(r.CostPerHour, r.Currency), money.API(r.CostAt(now), r.Currency), numbers}
	}
	answer := map[string]any{"sessions": list, "next_cursor": nil}
	if more {
		last := metering.CursorOf(rows[len(rows)-1])
		answer["next_cursor"] = cursorText(last.StartedAt, last.ID)
	}
	return c.JSON(http.StatusOK, answer)
}

// apiUsage sums a calendar month in the shop's zone: blocks by their start,
// whenever they were invoiced.
func (s *server) apiUsage(c *echo.Context) error {
	v := visitOf(c)
	month, err := monthOf(c.QueryParam("month"), v.tenant.Zone, s.Clock.Now())
	if err != nil {
		return err
	}
	var used metering.Usage
	if err := s.DB.Read(c.Request().Context(), v.tenant, metering.UsageQ(&used, v.userID, month.Start, month.End)); err != nil {
		return err
	}
	hours := decimal.NewFromInt(used.Seconds).DivRound(decimal.NewFromInt(3600), 4)
	return c.JSON(http.StatusOK, map[string]any{"month": month.Month.Format("2006-01"), "hours": json.Number(hours.String()), "blocks": used.Blocks,
		"cost": money.API(used.Cost, v.tenant.Currency), "currency": v.tenant.Currency})
}

// monthOf reads ?month=2026-10; nothing means the present month.
func monthOf(text string, zone *time.Location, now time.Time) (billing.Cycle, error) {
	if text == "" {
		return billing.CycleOf(zone, now), nil
	}
	first, err := time.ParseInLocation("2006-01", text, zone)
	if err != nil || first.Year() < 2000 || first.Year() > 2200 {
		return billing.Cycle{}, fail.Fields{"month": "Give a month as in 2026-10."}.Err()
	}
	return billing.CycleOf(zone, first.Add(12*time.Hour)), nil
}

type invoiceJSON struct {
	Number        string     `json:"number"`
	Status        string     `json:"status"`
	PeriodStart   *string    `json:"period_start"`
	PeriodEnd     *string    `json:"period_end"`
	Currency      string     `json:"currency"`
	Lines         []lineJSON `json:"lines"`
	Subtotal      string     `json:"subtotal"`
	Discount      string     `json:"discount"`
	Tax           string     `json:"tax"`
	Total         string     `json:"total"`
	CreditApplied string     `json:"credit_applied"`
	AmountDue     string     `json:"amount_due"`
	DueDate       string     `json:"due_date"`
	PaidAt        *string    `json:"paid_at"`
}

type lineJSON struct {
	WorkspaceType string          `json:"workspace_type"`
	CostPerHour   string          `json:"cost_per_hour"`
	Blocks        int64           `json:"blocks"`
	Amount        string          `json:"amount"`
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
	if err := s.DB.Read(c.Request().Context(), v.tenant, billing.InvoicesQ(&rows, v.userID, before, limit+1), billing.LinesQ(&lines, v.userID, before, limit+1)); err != nil {
		return err
	}
	rows, more := cut(rows, limit)
	list := make([]invoiceJSON, len(rows))
	for i, inv := range rows {
		list[i] = apiInvoiceOf(inv)
		for _, l := range lines {
			if l.InvoiceID == inv.ID {
				list[i].Lines = append(list[i].Lines, apiLine(l))
			}
		}
	}
	answer := map[string]any{"invoices": list, "next_cursor": nil}
	if more {
		answer["next_cursor"] = cursorName(rows[len(rows)-1].Number)
	}
	return c.JSON(http.StatusOK, answer)
}

// apiInvoice gives one invoice with the statement under each line.
func (s *server) apiInvoice(c *echo.Context) error {
	v := visitOf(c)
	var d billing.Detail
	if err := s.DB.Read(c.Request().Context(), v.tenant, billing.DetailQs(&d, v.userID, c.Param("number"))...); err != nil {
		return err
	}
	out := apiInvoiceOf(d.Invoice)
	for _, l := range d.Lines {
		line := apiLine(l)
		for _, e := range d.Statement(l) {
			line.Statement = append(line.Statement, statementJSON{e.SessionID, e.Text(v.tenant.Zone), e.Amount()})
		}
		out.Lines = append(out.Lines, line)
	}
	return c.JSON(http.StatusOK, out)
}

func apiInvoiceOf(i billing.Invoice) invoiceJSON {
	return invoiceJSON{Number: i.Number, Status: string(i.Status), PeriodStart: stamp(&i.PeriodStart), PeriodEnd: stamp(&i.PeriodEnd), Currency: i.Currency,
		Lines: []lineJSON{}, Subtotal: i.API(i.Subtotal), Discount: i.API(i.Discount), Tax: i.API(i.Tax), Total: i.API(i.Total),
		CreditApplied: i.API(i.CreditApplied), AmountDue: i.API(i.AmountDue), DueDate: i.DueDate.Format(time.DateOnly), PaidAt: stamp(i.PaidAt)}
}

func apiLine(l billing.Line) lineJSON {
	return lineJSON{WorkspaceType: l.WorkspaceType, CostPerHour: money.API(l.CostPerHour, l.Currency), Blocks: l.Blocks, Amount: l.API(),
		PeriodStart: stamp(&l.PeriodStart), PeriodEnd: stamp(&l.PeriodEnd)}
}
