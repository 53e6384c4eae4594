package web

import (
	"encoding/json"
	"net/http"
	"strings"
	"time"

	"github.com/labstack/echo/v5"

	"github.com/ezscale/ezscale/app/accounts"
	"github.com/ezscale/ezscale/app/billing"
	"github.com/ezscale/ezscale/app/documents"
	"github.com/ezscale/ezscale/app/fail"
)

// send gives a file. It is the person's own, so nobody on the way keeps it; its
// name keeps to letters that every system takes.
func send(c *echo.Context, kind, name string, file []byte) error {
	h := c.Response().Header()
	way := "attachment"
	if kind == "application/pdf" {
		way = "inline"
	}
	h.Set("Content-Disposition", way+`; filename="`+fileName(name)+`"`)
	h.Set("Cache-Control", "private, no-store")
	return c.Blob(http.StatusOK, kind, file)
}

func fileName(name string) string {
	return strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("._-", r) {
			return r
		}
		return '-'
	}, name)
}

func sendJSON(c *echo.Context, name string, value any) error {
	body, err := json.MarshalIndent(value, "", "  ")
	if err != nil {
		return err
	}
	return send(c, "application/json", name, append(body, '\n'))
}

// paperOf is the shop's brand as documents carry it. page is where the document is read.
func (s *server) paperOf(c *echo.Context, page string) documents.Brand {
	t := visitOf(c).tenant
	b := documents.BrandOf(t)
	if s.Branding != nil && len(b.Logo) == 0 {
		b.Logo = s.Branding.LogoFile(c.Request().Context(), t)
	}
	if s.Links != nil && page != "" {
		b.Page = s.Links(t, page)
	}
	return b
}

func (s *server) invoicePDF(c *echo.Context, number string) error {
	var d billing.Document
	if err := s.readOwn(c, billing.DocumentQs(&d, visitOf(c).userID, number)...); err != nil {
		return err
	}
	file, err := s.press.Invoice(d, s.paperOf(c, "/invoices/"+number))
	if err != nil {
		return err
	}
	return send(c, "application/pdf", number+".pdf", file)
}

func (s *server) invoiceCSV(c *echo.Context, number string) error {
	v := visitOf(c)
	var d billing.Document
	if err := s.readOwn(c, billing.DocumentQs(&d, v.userID, number)...); err != nil {
		return err
	}
	file, err := documents.InvoiceCSV(d, v.tenant.Zone)
	if err != nil {
		return err
	}
	return send(c, "text/csv; charset=utf-8", number+".csv", file)
}

// invoiceJSON is the invoice as the API gives it.
func (s *server) invoiceJSON(c *echo.Context, number string) error {
	v := visitOf(c)
	var d billing.Document
	if err := s.readOwn(c, billing.DocumentQs(&d, v.userID, number)...); err != nil {
		return err
	}
	return sendJSON(c, number+".json", apiInvoiceOf(d, v.tenant.Zone))
}

// span reads ?from= and ?to= as days or months of the shop's zone; both belong to
// it. Without them it is everything.
func span(c *echo.Context, zone *time.Location) (from, to time.Time, err error) {
	wrong := fail.Fields{}
	from, to = time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(2200, 1, 1, 0, 0, 0, 0, time.UTC)
	read := func(field string, dst *time.Time, after bool) {
		text := c.QueryParam(field)
		if text == "" {
			return
		}
		for layout, step := range map[string][2]int{time.DateOnly: {0, 1}, "2006-01": {1, 0}} {
			if at, err := time.ParseInLocation(layout, text, zone); err == nil {
				if after {
					at = at.AddDate(0, step[0], step[1])
				}
				*dst = at
				return
			}
		}
		wrong.Add(field, "Give a day such as 2026-10-31, or a month such as 2026-10.")
	}
	read("from", &from, false)
	read("to", &to, true)
	return from, to, wrong.Err()
}

// invoicesCSV is a row for each of the customer's invoices of a time.
func (s *server) invoicesCSV(c *echo.Context) error {
	v := visitOf(c)
	from, to, err := span(c, v.tenant.Zone)
	if err != nil {
		return err
	}
	var rows []billing.Invoice
	if err := s.readOwn(c, billing.InvoicesOfQ(&rows, v.userID, from, to)); err != nil {
		return err
	}
	file, err := documents.InvoicesCSV(rows)
	if err != nil {
		return err
	}
	return send(c, "text/csv; charset=utf-8", "invoices.csv", file)
}

// invoicesJSON is the same as the API's list, for a time.
func (s *server) invoicesJSON(c *echo.Context) error {
	v := visitOf(c)
	from, to, err := span(c, v.tenant.Zone)
	if err != nil {
		return err
	}
	var rows []billing.Invoice
	var lines []billing.Line
	var credits []billing.InvoiceCredit
	if err := s.readOwn(c, billing.InvoicesOfQ(&rows, v.userID, from, to), billing.LinesOfQ(&lines, v.userID, from, to), billing.CreditsOfQ(&credits, v.userID, from, to)); err != nil {
		return err
	}
	return sendJSON(c, "invoices.json", map[string]any{"invoices": apiInvoiceList(rows, lines, credits)})
}

// shopInvoicesCSV is the reseller's list of all invoices of a time.
func (s *server) shopInvoicesCSV(c *echo.Context) error {
	v := visitOf(c)
	from, to, err := span(c, v.tenant.Zone)
	if err != nil {
		return err
	}
	var person accounts.User
	var rows []billing.Invoice
	if err := s.DB.Read(c.Request().Context(), v.tenant, accounts.UserQ(&person, v.userID), billing.ShopInvoicesQ(&rows, from, to)); err != nil {
		return err
	}
	file, err := documents.ShopCSV(rows)
	if err != nil {
		return err
	}
	return send(c, "text/csv; charset=utf-8", v.tenant.Slug+"-invoices.csv", file)
}

// statementPDF is a month's sessions as a file, whether they are invoiced or not.
func (s *server) statementPDF(c *echo.Context) error {
	v, now := visitOf(c), s.Clock.Now()
	month, err := monthOf(c.QueryParam("month"), v.tenant.Zone, now)
	if err != nil {
		return err
	}
	var who accounts.Profile
	st := documents.Statement{Month: month.Name(), From: month.Start, To: month.End, Currency: v.tenant.Currency, At: month.End}
	var person accounts.User
	if err := s.readOwn(c, accounts.UserQ(&person, v.userID), accounts.ProfileQ(&who, v.userID), billing.MonthEntriesQ(&st.Entries, v.userID, month.Start, month.End)); err != nil {
		return err
	}
	if now.Before(st.At) {
		st.At = billing.CycleOf(v.tenant.Zone, now).Start
	}
	st.For = billing.Party{Name: person.Name, Email: person.Email, Company: who.Company, Address: who.Address, Country: who.Country, VATNumber: who.VATNumber}
	file, err := s.press.Statement(st, s.paperOf(c, ""))
	if err != nil {
		return err
	}
	return send(c, "application/pdf", "statement-"+month.Month.Format("2006-01")+".pdf", file)
}
