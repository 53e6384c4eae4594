package web

import (
	"fmt"
	"net/url"
	"strconv"
	"strings"

	"github.com/a-h/templ"
	"github.com/labstack/echo/v5"

	"github.com/ezscale/ezscale/app/fail"
	"github.com/ezscale/ezscale/app/lifecycle"
	"github.com/ezscale/ezscale/app/oversight"
	"github.com/ezscale/ezscale/app/wholesale"
	"github.com/ezscale/ezscale/tenants"
	"github.com/ezscale/ezscale/views"
)

// adminReseller is one reseller: how it stands, what it pays, its invoices.
func (s *server) adminReseller(c *echo.Context) error {
	t, ok := s.Registry.BySlug(c.Param("slug"))
	if !ok {
		return fail.Missing("shop")
	}
	page, err := s.resellerReport(c, t, nil)
	if err != nil {
		return err
	}
	return s.render(c, 200, views.ReportPage(s.adminShell(c, t.Name), page))
}

func (s *server) resellerReport(c *echo.Context, t tenants.Tenant, form *views.ReportForm) (views.Report, error) {
	page := views.Report{Title: t.Name, Text: t.Host(), Back: views.NavItem{Label: "Resellers", Href: "/admin/resellers"},
		Links: []views.NavItem{{Label: "Settlement", Href: "/admin/settlement?tenant=" + url.QueryEscape(t.Slug)}}}
	facts := []views.Item{{Term: "Status", Text: views.StateOf(string(t.Status)).Label}, {Term: "Bills", Text: views.StateOf(t.BillingStatus).Label}, {Term: "Owner", Text: strings.TrimSpace(t.OwnerName + " " + t.OwnerEmail)},
		{Term: "Since", Text: civilDay(t.CreatedAt)}, {Term: "Zone and currency", Text: t.TimeZone + ", " + t.Currency}}
	if trial := trialOf(t); trial != "" {
		facts = append(facts, views.Item{Term: "Trial", Text: trial})
	}
	if t.SuspendedReason != "" {
		facts = append(facts, views.Item{Term: "Suspended because", Text: t.SuspendedReason})
	}
	facts = append(facts, lifeFacts(t)...)
	head, err := s.headFacts(c, t)
	if err != nil {
		return page, err
	}
	page.Links = append(page.Links, views.NavItem{Label: "What was done", Href: "/admin/audit?shop=" + url.QueryEscape(t.Slug)}, views.NavItem{Label: "Needs attention", Href: "/admin/attention?shop=" + url.QueryEscape(t.Slug)})
	page.Sections = []views.ReportSection{{Title: "How it stands", Facts: append(facts, head...)}}
	if t.House {
		return page, nil
	}
	ctx := c.Request().Context()
	terms, err := s.Wholesale.Terms(ctx, t)
	if err != nil {
		return page, err
	}
	var invoices []wholesale.Invoice
	var tiers []wholesale.Tier
	var pays bool
	if err := s.DB.CentralRead(ctx, wholesale.InvoicesQ(&invoices, t.ID, wholesaleListed), wholesale.TiersQ(&tiers), lifecycle.PaysByInvoiceQ(&pays, t.ID)); err != nil {
		return page, err
	}
	if form == nil {
		form = termsForm(terms)
	}
	form.Selects = termsChoices(terms, tiers, form.Selects)
	page.Sections = append(page.Sections, views.ReportSection{Title: "What it pays", Facts: termFacts(terms)},
		views.ReportSection{ID: "terms", Title: "Change the terms", Text: "They count from the cycle that is closed next; a discount counts for sessions that begin from now on.", Form: form},
		wholesaleTable("Wholesale invoices", invoices, terms.Zone(), nil, "/admin/wholesale/"))
	page.Sections = append(page.Sections, lifeSections(t, pays, s.Clock.Now())...)
	return page, nil
}

func termsForm(t wholesale.Terms) *views.ReportForm {
	own := func(own bool, value fmt.Stringer) string {
		if own {
			return value.String()
		}
		return ""
	}
	return termsFields(t.Slug, fmt.Sprint(t.CycleDay), own(t.OwnDiscount, t.Discount), own(t.OwnFee, t.Fee), own(t.OwnCommission, t.Commission), t.Currency)
}

func termsFields(slug, day, discount, fee, commission, currency string) *views.ReportForm {
	return &views.ReportForm{Action: "/admin/resellers/" + slug + "/terms", Submit: "Save", Fields: []views.FieldProps{
		{Name: "cycle_day", Label: "Cycle begins on day", Value: day, InputMode: "numeric", Hint: "1 to 28."},
		{Name: "discount", Label: "Discount", Value: discount, Suffix: "%", InputMode: "decimal", Optional: true, Hint: "Empty: the tier's."},
		{Name: "fee", Label: "Platform fee a month", Value: fee, Suffix: currency, InputMode: "decimal", Optional: true, Hint: "Empty: the tier's."},
		{Name: "commission", Label: "Commission", Value: commission, Suffix: "%", InputMode: "decimal", Optional: true, Hint: "Empty: the tier's."},
		{Name: "currency", Label: "Currency of the fee", Value: currency, MaxLength: "3"}}}
}

// termsChoices offers the tiers and modes, with what was chosen before.
func termsChoices(t wholesale.Terms, tiers []wholesale.Tier, chosen []views.SelectProps) []views.SelectProps {
	tier := views.SelectProps{Name: "tier", Label: "Tier", Value: t.Tier}
	for _, x := range tiers {
		tier.Options = append(tier.Options, views.Option{Value: x.ID, Label: fmt.Sprintf("%s: fee %s, discount %s %%, commission %s %%", x.Name, x.Fee, x.Discount, x.Commission)})
	}
	mode := views.SelectProps{Name: "mode", Label: "Mode", Value: t.Mode, Options: []views.Option{{Value: wholesale.ModeWholesale, Label: "Wholesale: a price for each block"},
		{Value: wholesale.ModeCommission, Label: "Commission: a share of what customers paid"}}}
	for _, c := range chosen {
		switch c.Name {
		case "tier":
			tier.Value = c.Value
		case "mode":
			mode.Value = c.Value
		}
	}
	return []views.SelectProps{tier, mode}
}

func (s *server) changeTerms(c *echo.Context) error {
	t, ok := s.Registry.BySlug(c.Param("slug"))
	if !ok {
		return fail.Missing("shop")
	}
	form, err := posted(c)
	if err != nil {
		return err
	}
	change, err := changeOf(form)
	if err == nil {
		_, err = s.Wholesale.Agree(c.Request().Context(), visitOf(c).operator.Email, t, change)
	}
	if err != nil {
		shown := termsFields(t.Slug, form.Get("cycle_day"), form.Get("discount"), form.Get("fee"), form.Get("commission"), form.Get("currency"))
		shown.Wrong, _ = wrongOf(err)
		shown.Selects = []views.SelectProps{{Name: "tier", Value: form.Get("tier")}, {Name: "mode", Value: form.Get("mode")}}
		page, failed := s.resellerReport(c, t, shown)
		if failed != nil {
			return failed
		}
		return s.again(c, err, func(views.Wrong) templ.Component { return views.ReportPage(s.adminShell(c, t.Name), page) })
	}
	putNotice(c, s.doors.admin, views.ToneGood, "The terms of "+t.Name+" are changed.")
	return seeOther(c, "/admin/resellers/"+t.Slug)
}

// changeOf reads the form; a field that was not sent leaves its figure as it is.
func changeOf(form url.Values) (c wholesale.Change, err error) {
	wrong := fail.Fields{}
	for _, f := range []struct {
		name string
		to   **wholesale.Figure
	}{{"discount", &c.Discount}, {"fee", &c.Fee}, {"commission", &c.Commission}} {
		if !form.Has(f.name) {
			continue
		}
		figure, err := wholesale.ParseFigure(form.Get(f.name))
		if err != nil {
			wrong.Add(f.name, "Write a number such as 10, or leave it empty.")
			continue
		}
		*f.to = figure
	}
	for _, f := range []struct {
		name string
		to   **string
	}{{"tier", &c.Tier}, {"mode", &c.Mode}, {"currency", &c.Currency}} {
		if text := strings.TrimSpace(form.Get(f.name)); text != "" {
			*f.to = &text
		}
	}
	if form.Has("cycle_day") {
		day := wholeNumber(form.Get("cycle_day"))
		c.CycleDay = &day
	}
	return c, wrong.Err()
}

// headFacts are where a shop is reached, how far its data is migrated, and how it
// stands against what the provider asks of resellers.
func (s *server) headFacts(c *echo.Context, t tenants.Tenant) ([]views.Item, error) {
	ctx := c.Request().Context()
	var settings oversight.Settings
	if err := s.DB.CentralRead(ctx, oversight.SettingsQ(&settings)); err != nil {
		return nil, err
	}
	names, err := s.DB.Domains(ctx, t.ID)
	if err != nil {
		return nil, err
	}
	facts := []views.Item{{Term: "Hosts", Text: strings.Join(t.Hosts, ", ")}}
	for _, d := range names {
		state := "waits for its proof"
		switch {
		case d.LapsedAt != nil:
			state = "points elsewhere since " + civilDay(*d.LapsedAt)
		case d.VerifiedAt != nil:
			state = "proven " + civilDay(*d.VerifiedAt) + ", certificate " + strings.ToLower(views.StateOf(d.SSLStatus).Label)
		}
		facts = append(facts, views.Item{Term: d.Domain, Text: d.Type + ", " + state})
	}
	version := strconv.FormatInt(t.SchemaVersion, 10)
	if t.MigrationError != "" {
		version += ", could not be brought up to date: " + t.MigrationError
	}
	facts = append(facts, views.Item{Term: "Schema", Text: t.Schema() + ", version " + version})
	if f := s.figuresOf(ctx, []tenants.Tenant{t})[0]; f != nil {
		text := fmt.Sprint(f.Customers)
		if !t.House && settings.MinCustomers > 0 && f.Customers < settings.MinCustomers {
			text += fmt.Sprintf(" of the %d that are asked for", settings.MinCustomers)
		}
		facts = append(facts, views.Item{Term: "Customers", Text: text}, views.Item{Term: "Running desktops", Text: fmt.Sprint(f.Running)})
	}
	support := "given by the reseller"
	if settings.Support == oversight.SupportProvider {
		support = "given by the provider at " + settings.SupportEmail
	}
	return append(facts, views.Item{Term: "Support", Text: support}), nil
}
