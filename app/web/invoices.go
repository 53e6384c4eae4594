package web

import (
	"github.com/labstack/echo/v5"

	"github.com/ezscale/ezscale/app/billing"
	"github.com/ezscale/ezscale/views"
)

// invoicesPerPage is how many invoices are listed at once: two years.
const invoicesPerPage = 24

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

// invoicePage is one document, by its number.
func (s *server) invoicePage(c *echo.Context) error {
	v := visitOf(c)
	var d billing.Detail
	shell, _, err := s.desk(c, "Invoice "+c.Param("number"), billing.DetailQs(&d, v.userID, c.Param("number"))...)
	if err != nil {
		return err
	}
	return s.render(c, 200, views.InvoicePage(shell, views.InvoiceProps{When: s.when(c), Detail: d}))
}
