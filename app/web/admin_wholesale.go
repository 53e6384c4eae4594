package web

import (
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/a-h/templ"
	"github.com/google/uuid"
	"github.com/labstack/echo/v5"
	"github.com/shopspring/decimal"

	"github.com/ezscale/ezscale/app/fail"
	"github.com/ezscale/ezscale/app/money"
	"github.com/ezscale/ezscale/app/wholesale"
	"github.com/ezscale/ezscale/tenants"
	"github.com/ezscale/ezscale/views"
)

// adminWholesale lists what all resellers were billed, what is open, and what the
// next run would make.
func (s *server) adminWholesale(c *echo.Context) error {
	page, err := s.wholesalePage(c, nil)
	if err != nil {
		return err
	}
	return s.render(c, 200, views.ReportPage(s.adminShell(c, "Wholesale"), page))
}

func (s *server) wholesalePage(c *echo.Context, form *views.ReportForm) (views.Report, error) {
	var invoices []wholesale.Invoice
	var settings wholesale.Settings
	if err := s.DB.CentralRead(c.Request().Context(), wholesale.InvoicesQ(&invoices, uuid.Nil, wholesaleListed), wholesale.SettingsQ(&settings)); err != nil {
		return views.Report{}, err
	}
	if form == nil {
		form = settingsForm(settings.TimeZone, strconv.Itoa(settings.TermDays), strconv.Itoa(settings.SuspendDays))
	}
	table := wholesaleTable("Invoices", invoices, settings.Zone(), s.shopName, "/admin/wholesale/")
	table.Empty = "None yet."
	return views.Report{Title: "Wholesale", Text: "What resellers owe for the desktops of their customers.",
		Links:    []views.NavItem{{Label: "Rehearse the next run", Href: "/admin/wholesale/rehearsal"}, {Label: "Settlement", Href: "/admin/settlement"}},
		Sections: []views.ReportSection{{Title: "Totals", Text: "Of the invoices below.", Facts: wholesaleTotals(invoices), Empty: "Nothing was billed yet."}, table, {ID: "settings", Title: "Settings", Form: form}}}, nil
}

func (s *server) shopName(id uuid.UUID) string {
	if t, ok := s.Registry.ByID(id); ok {
		return t.Name
	}
	return "a shop that is gone"
}

// wholesaleTotals adds the listed invoices up, currency by currency.
func wholesaleTotals(invoices []wholesale.Invoice) (facts []views.Item) {
	type sums struct{ total, open, late decimal.Decimal }
	by, order := map[string]*sums{}, []string{}
	for _, i := range invoices {
		if by[i.Currency] == nil {
			by[i.Currency], order = &sums{}, append(order, i.Currency)
		}
		x := by[i.Currency]
		x.total, x.open = x.total.Add(i.Total), x.open.Add(i.AmountDue)
		if i.State() == "past_due" {
			x.late = x.late.Add(i.AmountDue)
		}
	}
	for _, code := range order {
		x := by[code]
		facts = append(facts, views.Item{Term: "Billed, " + code, Text: money.Of(x.total, code).Format()}, views.Item{Term: "Open", Text: money.Of(x.open, code).Format()},
			views.Item{Term: "Past due", Text: money.Of(x.late, code).Format()})
	}
	return facts
}

func settingsForm(zone, term, suspend string) *views.ReportForm {
	return &views.ReportForm{Action: "/admin/wholesale/settings", Submit: "Save", Fields: []views.FieldProps{
		{Name: "time_zone", Label: "Time zone of the provider", Value: zone, MaxLength: "60", Hint: "Resellers' cycles begin at its midnights."},
		{Name: "term_days", Label: "Days until an invoice is due", Value: term, InputMode: "numeric"},
		{Name: "suspend_days", Label: "Days from past due to suspension", Value: suspend, InputMode: "numeric"}}}
}

func (s *server) saveWholesaleSettings(c *echo.Context) error {
	form, err := posted(c)
	if err != nil {
		return err
	}
	v := wholesale.Settings{TimeZone: strings.TrimSpace(form.Get("time_zone")), TermDays: wholeNumber(form.Get("term_days")), SuspendDays: wholeNumber(form.Get("suspend_days"))}
	if err := s.Wholesale.SetSettings(c.Request().Context(), visitOf(c).operator.Email, v); err != nil {
		shown := settingsForm(v.TimeZone, form.Get("term_days"), form.Get("suspend_days"))
		shown.Wrong, _ = wrongOf(err)
		page, failed := s.wholesalePage(c, shown)
		if failed != nil {
			return failed
		}
		return s.again(c, err, func(views.Wrong) templ.Component {
			return views.ReportPage(s.adminShell(c, "Wholesale"), page)
		})
	}
	putNotice(c, s.doors.admin, views.ToneGood, "The settings are saved; they count from the next invoice on.")
	return seeOther(c, "/admin/wholesale")
}

// wholeNumber reads a count of days; -1 for what is none.
func wholeNumber(text string) int {
	n, err := strconv.Atoi(strings.TrimSpace(text))
	if err != nil {
		return -1
	}
	return n
}

// adminWholesaleRehearsal works out what a run would make as of a day, without
// making it; today's midnight of the provider when none is asked for, or with
// nothing due then the end of each reseller's cycle.
func (s *server) adminWholesaleRehearsal(c *echo.Context) error {
	asOf, asked := time.Time{}, c.QueryParam("as_of")
	if asked != "" {
		day, err := time.Parse(time.DateOnly, asked)
		if err != nil {
			return fail.New(fail.BadRequest, "Write the day as in 2026-11-01.")
		}
		asOf = day
	}
	section := views.ReportSection{Title: "Would be made", Empty: "Nothing: no cycle has ended with something to bill.",
		Columns: []views.Column{{Label: "Reseller"}, {Label: "Period"}, {Label: "Usage", End: true}, {Label: "Fee and more", End: true}, {Label: "Total", End: true}}}
	facts := []views.Item{}
	for _, t := range s.Registry.All() {
		if t.House {
			continue
		}
		until := asOf
		if asked == "" {
			until = s.nextBill(c, t)
		}
		drafts, err := s.Wholesale.Rehearse(c.Request().Context(), t, until)
		if err != nil {
			facts = append(facts, views.Item{Term: t.Name, Text: "could not be worked out: " + sentence(err)})
			continue
		}
		for _, d := range drafts {
			more := d.PlatformFee.Add(d.SubscriptionCharges).Add(d.Commission)
			section.Rows = append(section.Rows, views.ReportRow{Cells: []views.ReportCell{{Text: t.Name, Below: d.Mode + ", " + d.Tier, Href: "/admin/resellers/" + t.Slug}, {Text: wholesale.Cycle{Start: d.CycleStart, End: d.CycleEnd}.Name(time.UTC)},
				{Text: d.Money(d.UsageCharges)}, {Text: d.Money(more)}, {Text: d.Money(d.Total)}}})
		}
	}
	section.Facts = facts
	section.Form = &views.ReportForm{Action: "/admin/wholesale/rehearsal", Get: true, Submit: "Rehearse", Fields: []views.FieldProps{{Name: "as_of", Label: "As of", Type: "date", Value: asked, Optional: true, Hint: "Empty: as of the end of each reseller's own cycle."}}}
	page := views.Report{Title: "Rehearsal", Text: "What the next run would make. Nothing is written.", Back: views.NavItem{Label: "Wholesale", Href: "/admin/wholesale"}, Sections: []views.ReportSection{section}}
	return s.render(c, 200, views.ReportPage(s.adminShell(c, "Wholesale"), page))
}

// nextBill is the end of a reseller's open cycle; the zero time, the present, when
// it is not known.
func (s *server) nextBill(c *echo.Context, t tenants.Tenant) time.Time {
	terms, err := s.Wholesale.Terms(c.Request().Context(), t)
	if err != nil || terms.NextBillingDate == nil {
		return time.Time{}
	}
	return terms.NextBillingDate.Add(36 * time.Hour) // whatever the zone, that midnight is over
}

// adminWholesaleInvoice is one invoice with what operators can do about it.
func (s *server) adminWholesaleInvoice(c *echo.Context) error {
	page, err := s.adminDocument(c, views.Wrong{}, "")
	if err != nil {
		return err
	}
	return s.render(c, 200, views.ReportPage(s.adminShell(c, "Wholesale"), page))
}

func (s *server) adminDocument(c *echo.Context, wrong views.Wrong, reference string) (views.Report, error) {
	inv, items, terms, err := s.wholesaleInvoice(c, uuid.Nil, c.Param("number"))
	if err != nil {
		return views.Report{}, err
	}
	page := s.wholesaleDocument(inv, items, terms, func(id uuid.UUID) string { return "/admin/wholesale/lines/" + terms.Slug + "/" + id.String() })
	page.Back = views.NavItem{Label: "Wholesale", Href: "/admin/wholesale"}
	page.Links = []views.NavItem{{Label: s.shopName(inv.TenantID), Href: "/admin/resellers/" + terms.Slug}}
	if inv.Status != wholesale.Open {
		return page, nil
	}
	base := "/admin/wholesale/" + url.PathEscape(inv.Number)
	step := func(label, value, question, explained string, kind views.Kind) views.ReportAction {
		return views.ReportAction{ID: "step-" + value, Label: label, Action: base + "/step", Name: "step", Value: value, Kind: kind, Question: question, Explained: explained}
	}
	if inv.PastDueAt == nil {
		page.Actions = append(page.Actions, step("Past due now", wholesale.StepPastDue, "Call it past due?", "The owner is told, and the shop's people see a notice.", views.Plain))
	}
	if inv.SuspendedAt == nil {
		page.Actions = append(page.Actions, step("Suspend", wholesale.StepSuspend, "Suspend the shop?", "Its pages close; desktops that run finish their paid block.", views.Danger))
	} else {
		page.Actions = append(page.Actions, step("Resume", wholesale.StepResume, "Resume the shop?", "It sells again; the days until it is suspended begin anew.", views.Plain))
	}
	page.Sections = append(page.Sections, views.ReportSection{ID: "paid", Title: "Mark as paid", Text: "When the whole amount came in by bank transfer. The reseller is told, and resumed at once.",
		Form: &views.ReportForm{Action: base + "/paid", Submit: "Mark as paid", Wrong: wrong, Fields: []views.FieldProps{{Name: "reference", Label: "Reference", Value: reference, MaxLength: "200", Hint: "Finds the transfer again."}}}})
	return page, nil
}

func (s *server) markWholesalePaid(c *echo.Context) error {
	form, err := posted(c)
	if err != nil {
		return err
	}
	reference := strings.TrimSpace(form.Get("reference"))
	if reference == "" {
		err = fail.Fields{"reference": "Write the reference of the transfer."}.Err()
	}
	var inv wholesale.Invoice
	if err == nil {
		inv, err = s.Wholesale.MarkPaid(c.Request().Context(), visitOf(c).operator.Email, c.Param("number"), reference)
	}
	if err != nil {
		wrong, _ := wrongOf(err)
		page, failed := s.adminDocument(c, wrong, reference)
		if failed != nil {
			return failed
		}
		return s.again(c, err, func(views.Wrong) templ.Component {
			return views.ReportPage(s.adminShell(c, "Wholesale"), page)
		})
	}
	putNotice(c, s.doors.admin, views.ToneGood, inv.Number+" is paid.")
	return seeOther(c, "/admin/wholesale/"+url.PathEscape(inv.Number))
}

func (s *server) takeWholesaleStep(c *echo.Context) error {
	form, err := posted(c)
	if err != nil {
		return err
	}
	inv, err := s.Wholesale.Take(c.Request().Context(), visitOf(c).operator.Email, c.Param("number"), form.Get("step"))
	tone, text := views.ToneGood, "It is done, and the owner is told."
	if fail.Is(err, fail.Conflict) {
		tone, text, inv.Number = views.ToneWarn, err.Error(), c.Param("number")
	} else if err != nil {
		return err
	}
	putNotice(c, s.doors.admin, tone, text)
	return seeOther(c, "/admin/wholesale/"+url.PathEscape(inv.Number))
}

// adminWholesaleLine opens a line of any shop.
func (s *server) adminWholesaleLine(c *echo.Context) error {
	t, ok := s.Registry.BySlug(c.Param("slug"))
	id, err := uuid.Parse(c.Param("id"))
	if !ok || err != nil {
		return fail.Missing("wholesale line")
	}
	page, err := s.lineReport(c, t, id, "/admin")
	if err != nil {
		return err
	}
	page.Text = "One wholesale line of " + t.Name + ", and what its customers pay for the same desktops."
	return s.render(c, 200, views.ReportPage(s.adminShell(c, "Wholesale"), page))
}
