package web

import (
	"strconv"
	"strings"

	"github.com/labstack/echo/v5"

	"github.com/ezscale/ezscale/app/billing"
	"github.com/ezscale/ezscale/app/fail"
	"github.com/ezscale/ezscale/tenants"
	"github.com/ezscale/ezscale/views"
)

// invoicesPerPage is how many invoices are listed at once: two years.
const invoicesPerPage = 24

// How much of the evidence behind an invoice stands on one page.
const (
	lineSessionsPerPage = 50
	blocksPerPage       = 100
)

// invoicesPage lists a customer's invoices, newest first.
func (s *server) invoicesPage(c *echo.Context) error {
	v := visitOf(c)
	_, before, err := page(c)
	if err != nil {
		return err
	}
	var rows []billing.Invoice
	shell, _, err := s.desk(c, "Invoices", billing.InvoicesQ(&rows, v.userID, before, invoicesPerPage+1))
	if err != nil {
		return err
	}
	rows, more := cut(rows, invoicesPerPage)
	p := views.InvoicesProps{When: s.when(c), Invoices: rows}
	if more {
		p.Older = "/invoices?cursor=" + cursorName(rows[len(rows)-1].Number)
	}
	if before != "" {
		p.First = "/invoices"
	}
	return s.render(c, 200, views.InvoicesPage(shell, p))
}

// invoicePage is one document, by its number; with .pdf, .csv or .json after the
// number, the document as that file.
func (s *server) invoicePage(c *echo.Context) error {
	number, form := formOf(c.Param("number"))
	switch form {
	case "pdf":
		return s.invoicePDF(c, number)
	case "csv":
		return s.invoiceCSV(c, number)
	case "json":
		return s.invoiceJSON(c, number)
	}
	v := visitOf(c)
	var d billing.Document
	p := views.InvoiceProps{When: s.when(c)}
	shell, _, err := s.desk(c, "Invoice "+number, append(billing.SheetQs(&d, v.userID, number, views.PerLine), s.cardsQ(c, &p.Cards)...)...)
	if err != nil {
		return err
	}
	p.Document = d
	return s.render(c, 200, views.InvoicePage(shell, p))
}

// cardsQ asks whether the shop takes cards.
func (s *server) cardsQ(c *echo.Context, dst *bool) []tenants.Query {
	if s.Payments == nil {
		return nil
	}
	return []tenants.Query{s.Payments.TakesCardsQ(dst, visitOf(c).tenant)}
}

// formOf splits a document's number from the ending that asks for a file.
func formOf(name string) (number, form string) {
	for _, form := range []string{"pdf", "csv", "json"} {
		if number, found := strings.CutSuffix(name, "."+form); found && number != "" {
			return number, form
		}
	}
	return name, ""
}

// invoiceLine explains a line by the sessions behind it (R20).
func (s *server) invoiceLine(c *echo.Context) error {
	v, number := visitOf(c), c.Param("number")
	position, err := strconv.Atoi(c.Param("position"))
	if err != nil || position < 1 || position > 1<<30 {
		return fail.Missing("line")
	}
	_, after, err := page(c)
	if err != nil {
		return err
	}
	var from *billing.Place
	if after != "" {
		from = &billing.Place{}
		if from.StartedAt, from.ID, err = cursorPlace(after); err != nil {
			return err
		}
	}
	p := views.LineProps{When: s.when(c)}
	shell, _, err := s.desk(c, "Line "+strconv.Itoa(position)+" of "+number, billing.LineQs(&p.LineDetail, v.userID, number, position, from, lineSessionsPerPage+1)...)
	if err != nil {
		return err
	}
	here := "/invoices/" + number + "/lines/" + strconv.Itoa(position)
	var more bool
	if p.Sessions, more = cut(p.Sessions, lineSessionsPerPage); more {
		last := p.Sessions[len(p.Sessions)-1]
		p.Later = here + "?cursor=" + cursorText(last.StartedAt, last.SessionID)
	}
	if from != nil {
		p.First = here
	}
	return s.render(c, 200, views.LinePage(shell, p))
}

// sessionBlocks explains what was charged for a session, block by block (R20).
func (s *server) sessionBlocks(c *echo.Context) error {
	id, err := idOf(c.Param("id"), "session")
	if err != nil {
		return err
	}
	after := -1
	if text := c.QueryParam("after"); text != "" {
		if after, err = strconv.Atoi(text); err != nil || after < 0 || after > 1<<30 {
			return errCursor
		}
	}
	p := views.ProofProps{When: s.when(c)}
	shell, _, err := s.desk(c, "Session", billing.ProofQs(&p.SessionProof, visitOf(c).userID, id, after, blocksPerPage+1)...)
	if err != nil {
		return err
	}
	here := "/sessions/" + id.String() + "/blocks"
	var more bool
	if p.Blocks, more = cut(p.Blocks, blocksPerPage); more {
		p.Later = here + "?after=" + strconv.Itoa(p.Blocks[len(p.Blocks)-1].No)
	}
	if after >= 0 {
		p.First = here
	}
	return s.render(c, 200, views.ProofPage(shell, p))
}

// creditNotePage is a credit note by its number; with .pdf, as that file.
func (s *server) creditNotePage(c *echo.Context) error {
	v := visitOf(c)
	number, form := formOf(c.Param("number"))
	p := views.CreditNoteProps{When: s.when(c)}
	questions := billing.CreditDocumentQs(&p.Note, &p.Items, v.userID, number)
	switch form {
	case "":
		shell, _, err := s.desk(c, "Credit note "+number, questions...)
		if err != nil {
			return err
		}
		return s.render(c, 200, views.CreditNotePage(shell, p))
	case "pdf":
		if err := s.readOwn(c, questions...); err != nil {
			return err
		}
		file, err := s.press.CreditNote(p.Note, p.Items, s.paperOf(c, "/credit-notes/"+number))
		if err != nil {
			return err
		}
		return send(c, "application/pdf", number+".pdf", file)
	}
	return fail.Missing("credit note")
}
