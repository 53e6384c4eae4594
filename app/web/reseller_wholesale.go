package web

import (
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/labstack/echo/v5"

	"github.com/ezscale/ezscale/app/fail"
	"github.com/ezscale/ezscale/app/lifecycle"
	"github.com/ezscale/ezscale/app/payments"
	"github.com/ezscale/ezscale/app/wholesale"
	"github.com/ezscale/ezscale/tenants"
	"github.com/ezscale/ezscale/views"
)

// wholesaleListed is how many wholesale invoices a page lists, and mirrorListed how
// many lines and sessions a line opens to.
const (
	wholesaleListed = 120
	mirrorListed    = 500
)

// civilDay writes a civil date, which belongs to no zone.
func civilDay(t time.Time) string { return t.Format("Jan 2, 2006") }

// resellerWholesale lists the invoices of the shop whose person this is.
func (s *server) resellerWholesale(c *echo.Context) error {
	v, ctx := visitOf(c), c.Request().Context()
	page := views.Report{Title: "Wholesale invoices", Text: "What your shop pays the provider for the desktops of your customers.",
		Links: []views.NavItem{{Label: "Settlement", Href: "/reseller/settlement"}}}
	if v.tenant.House {
		page.Sections = []views.ReportSection{{Title: "Invoices", Empty: "This is the provider's own shop, which pays nobody."}}
		return s.render(c, 200, views.ReportPage(s.consoleShell(c, page.Title, visitOf(c).person), page))
	}
	terms, err := s.Wholesale.Terms(ctx, v.tenant)
	if err != nil {
		return err
	}
	var invoices []wholesale.Invoice
	if err := s.DB.CentralRead(ctx, wholesale.InvoicesQ(&invoices, v.tenant.ID, wholesaleListed)); err != nil {
		return err
	}
	page.Sections = []views.ReportSection{wholesaleTable("Invoices", invoices, terms.Zone(), nil, "/reseller/wholesale/"), {Title: "Your terms", Facts: termFacts(terms)}}
	return s.render(c, 200, views.ReportPage(s.consoleShell(c, page.Title, visitOf(c).person), page))
}

// owedNotice tells the people of a shop that it has not paid; nil when it has.
func owedNotice(t tenants.Tenant) *views.Notice {
	to := views.NavItem{Label: "See what is owed", Href: "/reseller/wholesale"}
	switch {
	case t.Status == tenants.Closed:
		return &views.Notice{Tone: views.ToneBad, Title: "Your shop is closed", Action: views.NavItem{Label: "Take your data with you", Href: "/reseller/export"},
			Text: "Its data is removed on " + civilDay(lifecycle.DatesOf(t).Remove) + "."}
	case t.Status == tenants.Suspended:
		return suspendedNotice(t, to)
	case t.BillingStatus == "past_due":
		return &views.Notice{Tone: views.ToneWarn, Title: "A wholesale invoice is past due", Action: to,
			Text: "Please pay it soon, or your shop will be suspended."}
	}
	return nil
}

// suspendedNotice says why a shop is suspended, and what opens it again.
func suspendedNotice(t tenants.Tenant, to views.NavItem) *views.Notice {
	n := &views.Notice{Tone: views.ToneBad, Title: "Your shop is suspended", Action: to, Text: "Its pages are closed and no desktop starts. "}
	switch t.SuspendedFor {
	case tenants.ForUnpaid:
		n.Text += "Once what is past due is paid, it opens again at once."
	case tenants.ForTrial:
		n.Text += "Its trial ended. Once you have paid an invoice, or agreed with us on another way to pay, it opens again."
	default:
		n.Text += "The reason: " + t.SuspendedReason + ". Write to us to have it opened again."
	}
	return n
}

// wholesaleTable lists invoices; shop names the reseller where several are listed.
func wholesaleTable(title string, invoices []wholesale.Invoice, zone *time.Location, shop func(uuid.UUID) string, base string) views.ReportSection {
	section := views.ReportSection{Title: title, Empty: "None yet. The first one comes on the cycle day, when something was used.",
		Columns: []views.Column{{Label: "Invoice"}, {Label: "Period"}, {Label: "State"}, {Label: "Due"}, {Label: "Usage", End: true}, {Label: "Fee and more", End: true}, {Label: "Total", End: true}, {Label: "To pay", End: true}}}
	for _, i := range invoices {
		number := views.ReportCell{Text: i.Number, Href: base + url.PathEscape(i.Number)}
		if shop != nil {
			number.Below = shop(i.TenantID)
		}
		more := i.PlatformFee.Add(i.SubscriptionCharges).Add(i.Commission).Add(i.Tax)
		section.Rows = append(section.Rows, views.ReportRow{Cells: []views.ReportCell{number, {Text: wholesale.Cycle{Start: i.CycleStart, End: i.CycleEnd}.Name(zone)},
			{State: i.State()}, {Text: civilDay(i.DueDate)}, {Text: i.Money(i.UsageCharges)}, {Text: i.Money(more)}, {Text: i.Money(i.Total)}, {Text: i.Money(i.AmountDue)}}})
	}
	return section
}

func termFacts(t wholesale.Terms) []views.Item {
	from := func(own bool) string {
		if own {
			return " (agreed)"
		}
		return " (" + t.Tier + " tier)"
	}
	mode := "Wholesale: a price for each block"
	if t.Mode == wholesale.ModeCommission {
		mode = "Commission: a share of what customers paid"
	}
	next := "not known yet"
	if t.NextBillingDate != nil {
		next = civilDay(*t.NextBillingDate)
	}
	return []views.Item{{Term: "Tier", Text: t.Tier}, {Term: "Mode", Text: mode}, {Term: "Discount on wholesale prices", Text: t.Discount.String() + " %" + from(t.OwnDiscount)},
		{Term: "Platform fee a month", Text: t.Fee.String() + " " + t.Currency + from(t.OwnFee)}, {Term: "Commission", Text: t.Commission.String() + " %" + from(t.OwnCommission)},
		{Term: "Cycle begins on day", Text: fmt.Sprint(t.CycleDay)}, {Term: "Next bill", Text: next}}
}

// resellerWholesaleInvoice is one of the shop's own; another's is not found.
func (s *server) resellerWholesaleInvoice(c *echo.Context) error {
	inv, items, terms, err := s.wholesaleInvoice(c, visitOf(c).tenant.ID, c.Param("number"))
	if err != nil {
		return err
	}
	if inv.CheckoutURL != nil && inv.Status == wholesale.Open { // they may come from the processor's page
		if err := s.Payments.LookWholesale(c.Request().Context(), inv.ID); err != nil {
			s.log.Warn("a wholesale payment was not looked at", "number", inv.Number, "error", err)
		} else if inv, items, terms, err = s.wholesaleInvoice(c, inv.TenantID, inv.Number); err != nil {
			return err
		}
	}
	page := s.wholesaleDocument(inv, items, terms, func(id uuid.UUID) string { return "/reseller/wholesale/lines/" + id.String() })
	page.Back = views.NavItem{Label: "Wholesale invoices", Href: "/reseller/wholesale"}
	if inv.Status == wholesale.Open {
		if err := s.waysToPay(c, inv, &page); err != nil {
			return err
		}
	}
	return s.render(c, 200, views.ReportPage(s.consoleShell(c, page.Title, visitOf(c).person), page))
}

// waysToPay says how an open invoice is paid: by transfer, and by card where the
// provider takes cards.
func (s *server) waysToPay(c *echo.Context, inv wholesale.Invoice, page *views.Report) error {
	page.Notice = &views.Notice{Tone: views.ToneInfo, Title: inv.Money(inv.AmountDue) + " to pay by " + civilDay(inv.DueDate),
		Text: "Pay by bank transfer to " + inv.Seller.Name + ", with " + inv.Number + " as its text, or write to " + inv.Seller.Email + "."}
	if inv.PastDueAt != nil {
		page.Notice.Tone = views.ToneWarn
	}
	house, ok := s.Registry.House()
	if !ok {
		return nil
	}
	var cards bool
	if err := s.DB.Read(c.Request().Context(), house, s.Payments.TakesCardsQ(&cards, house)); err != nil || !cards {
		return err
	}
	page.Actions = []views.ReportAction{{Label: "Pay by card", Kind: views.Primary, Action: "/reseller/wholesale/" + url.PathEscape(inv.Number) + "/pay"}}
	return nil
}

// payWholesale sends a reseller on to the provider's page for cards.
func (s *server) payWholesale(c *echo.Context) error {
	v := visitOf(c)
	inv, _, _, err := s.wholesaleInvoice(c, v.tenant.ID, c.Param("number"))
	if err != nil {
		return err
	}
	path := "/reseller/wholesale/" + url.PathEscape(inv.Number)
	host, _, _ := strings.Cut(s.hostOf(c.Request()), ":")
	to, err := s.Payments.PayWholesale(c.Request().Context(), v.tenant, inv.ID, s.onHost(c, host, path))
	tone, text := views.ToneGood, "This is paid. Thank you."
	switch {
	case payments.NoCards(err):
		tone, text = views.ToneWarn, "The provider takes no cards. Please pay by bank transfer."
	case fail.Is(err, fail.Conflict):
		tone, text = views.ToneWarn, err.Error()
	case err != nil:
		return err
	case to.URL != "":
		return s.toCheckout(c, to.URL)
	}
	putNotice(c, s.deskOfReseller(c), tone, text)
	return seeOther(c, path)
}

func (s *server) wholesaleInvoice(c *echo.Context, tenant uuid.UUID, number string) (inv wholesale.Invoice, items []wholesale.Item, terms wholesale.Terms, err error) {
	ctx := c.Request().Context()
	if err = s.DB.CentralRead(ctx, wholesale.InvoiceQ(&inv, tenant, number), wholesale.ItemsQ(&items, number)); err != nil {
		return inv, items, terms, err
	}
	t, ok := s.Registry.ByID(inv.TenantID)
	if !ok {
		return inv, items, terms, fail.Missing("shop")
	}
	terms, err = s.Wholesale.Terms(ctx, t)
	return inv, items, terms, err
}

// wholesaleDocument draws an invoice with its lines, each of which opens to its
// mirror. line is empty where there is nothing to open.
func (s *server) wholesaleDocument(inv wholesale.Invoice, items []wholesale.Item, terms wholesale.Terms, line func(uuid.UUID) string) views.Report {
	zone := terms.Zone()
	facts := []views.Item{{Term: "From", Text: sideOf(inv.Seller)}, {Term: "To", Text: sideOf(inv.BillTo)}, {Term: "State", Text: views.StateOf(inv.State()).Label},
		{Term: "Date", Text: civilDay(inv.CreatedAt.In(zone))}, {Term: "Period", Text: wholesale.Cycle{Start: inv.CycleStart, End: inv.CycleEnd}.Name(zone)},
		{Term: "Edges in UTC", Text: inv.CycleStart.UTC().Format(time.RFC3339) + " to " + inv.CycleEnd.UTC().Format(time.RFC3339)},
		{Term: "Due", Text: civilDay(inv.DueDate)}, {Term: "Mode and tier", Text: inv.Mode + ", " + inv.Tier}}
	if inv.PaidAt != nil {
		facts = append(facts, views.Item{Term: "Paid", Text: strings.TrimSpace(civilDay(inv.PaidAt.In(zone)) + " " + inv.Reference)})
	}
	lines := views.ReportSection{Title: "Lines", Columns: []views.Column{{Label: "Line"}, {Label: "Blocks", End: true}, {Label: "Hours or units", End: true}, {Label: "Exact", End: true}, {Label: "Amount", End: true}}}
	for _, i := range items {
		first := views.ReportCell{Text: i.Description, Below: wholesale.Cycle{Start: i.PeriodStart, End: i.PeriodEnd}.Name(zone)}
		if i.Kind == wholesale.KindUsage || i.Kind == wholesale.KindSubscription {
			first.Href = line(i.ID)
		}
		lines.Rows = append(lines.Rows, views.ReportRow{Cells: []views.ReportCell{first, {Text: fmt.Sprint(i.Blocks)}, {Text: i.Quantity.String()}, {Text: i.Exact.String()}, {Text: i.Money(i.Amount)}}})
	}
	lines.Rows = append(lines.Rows, views.ReportRow{Total: true, Cells: []views.ReportCell{{Text: "Total"}, {}, {}, {}, {Text: inv.Money(inv.Total)}}})
	sums := []views.Item{{Term: "Usage", Text: inv.Money(inv.UsageCharges)}, {Term: "Monthly prices", Text: inv.Money(inv.SubscriptionCharges)}, {Term: "Commission", Text: inv.Money(inv.Commission)},
		{Term: "Platform fee", Text: inv.Money(inv.PlatformFee)}, {Term: "Tax", Text: inv.Money(inv.Tax)}, {Term: "Total", Text: inv.Money(inv.Total), Total: true}, {Term: "To pay", Text: inv.Money(inv.AmountDue)}}
	return views.Report{Title: "Wholesale invoice " + inv.Number, Text: inv.Description, Sections: []views.ReportSection{{Title: "About it", Facts: facts}, lines, {Title: "Sums", Facts: sums}}}
}

func sideOf(p wholesale.Party) string {
	if p.Email == "" {
		return p.Name
	}
	return p.Name + ", " + p.Email
}

// resellerWholesaleLine opens a wholesale line: the customers' lines for the same
// blocks, and the sessions they are of.
func (s *server) resellerWholesaleLine(c *echo.Context) error {
	v := visitOf(c)
	id, err := uuid.Parse(c.Param("id"))
	if err != nil {
		return fail.Missing("wholesale line")
	}
	page, err := s.lineReport(c, v.tenant, id, "/reseller")
	if err != nil {
		return err
	}
	return s.render(c, 200, views.ReportPage(s.consoleShell(c, page.Title, visitOf(c).person), page))
}

// lineReport draws a line of a shop for its people, or under another base for
// operators.
func (s *server) lineReport(c *echo.Context, t tenants.Tenant, id uuid.UUID, base string) (views.Report, error) {
	var item wholesale.Item
	var number string
	var mirror []wholesale.Mirror
	var stretches []wholesale.Stretch
	err := s.DB.Read(c.Request().Context(), t, wholesale.ItemQ(&item, id), wholesale.NumberQ(&number, id), wholesale.RetailOfQ(&mirror, id, mirrorListed), wholesale.StretchesQ(&stretches, id, mirrorListed))
	if err != nil {
		return views.Report{}, err
	}
	page := views.Report{Title: item.Description, Text: "One wholesale line, and what your customers pay for the same desktops."}
	if number != "" {
		page.Back = views.NavItem{Label: "Wholesale invoice " + number, Href: base + "/wholesale/" + url.PathEscape(number)}
	}
	facts := []views.Item{{Term: "Blocks", Text: fmt.Sprint(item.Blocks)}, {Term: "Exact", Text: item.Exact.String() + " " + item.Currency}, {Term: "Amount", Text: item.Money(item.Amount), Total: true}}
	page.Sections = []views.ReportSection{{Title: "The line", Facts: facts}, mirrorTable("Your customers' lines for the same blocks", mirror, "not invoiced yet", func(m wholesale.Mirror) string {
		if base != "/reseller" {
			return ""
		}
		return "/reseller/settlement/lines/" + m.ItemID.String()
	}), stretchTable(stretches, t.Zone)}
	return page, nil
}

func mirrorTable(title string, mirror []wholesale.Mirror, waiting string, href func(wholesale.Mirror) string) views.ReportSection {
	section := views.ReportSection{Title: title, Empty: "None.", Columns: []views.Column{{Label: "Invoice"}, {Label: "Line"}, {Label: "Blocks", End: true}, {Label: "Before rounding", End: true}}}
	for _, m := range mirror {
		first := views.ReportCell{Text: m.Number, Below: m.Who}
		switch {
		case m.ItemID == nil || m.Number == "":
			first.Text = waiting
		default:
			first.Href = href(m)
		}
		section.Rows = append(section.Rows, views.ReportRow{Cells: []views.ReportCell{first, {Text: m.Description}, {Text: fmt.Sprint(m.Blocks)}, {Text: m.Amount().Format()}}})
	}
	return section
}

func stretchTable(stretches []wholesale.Stretch, zone *time.Location) views.ReportSection {
	section := views.ReportSection{Title: "Sessions", Empty: "None: this line is not about blocks.",
		Columns: []views.Column{{Label: "Session"}, {Label: "Started by"}, {Label: "Ended by"}, {Label: "Blocks", End: true}, {Label: "Exact", End: true}}}
	for _, st := range stretches {
		ended := st.EndedBy
		if st.StoppedAt != nil {
			ended = strings.TrimSpace(ended + " " + st.StoppedAt.In(zone).Format("Jan 2, 15:04:05"))
		}
		section.Rows = append(section.Rows, views.ReportRow{Cells: []views.ReportCell{{Text: st.StartedAt.In(zone).Format("Jan 2, 2006 15:04:05"), Below: st.Who}, {Text: st.StartedBy}, {Text: ended},
			{Text: fmt.Sprintf("%d to %d", st.First, st.Last)}, {Text: st.Amount().Format()}}})
	}
	return section
}
