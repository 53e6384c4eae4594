package web

import (
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/labstack/echo/v5"

	"github.com/ezscale/ezscale/app/oversight"
	"github.com/ezscale/ezscale/app/wholesale"
	"github.com/ezscale/ezscale/views"
)

func (s *server) settingsPage(c *echo.Context) error {
	return s.settingsAs(c, http.StatusOK, nil, views.Wrong{})
}

// settingsAs draws the settings as they hold, or as they were typed.
func (s *server) settingsAs(c *echo.Context, status int, typed url.Values, wrong views.Wrong) error {
	var v oversight.Settings
	var tiers []wholesale.Tier
	if err := s.DB.CentralRead(c.Request().Context(), oversight.SettingsQ(&v), wholesale.TiersQ(&tiers)); err != nil {
		return err
	}
	shown := func(name, stored string) string {
		if typed.Has(name) {
			return typed.Get(name)
		}
		return stored
	}
	days := func(name, label, hint string, n int) views.FieldProps {
		return views.FieldProps{Name: name, Label: label, Value: shown(name, strconv.Itoa(n)), InputMode: "numeric", Suffix: "days", Hint: hint, Autocomplete: "off"}
	}
	tier := views.SelectProps{Name: "default_tier", Label: "Tier of a new reseller", Value: shown("default_tier", v.DefaultTier), Hint: "Its fee, discount and commission hold until something else is agreed."}
	for _, t := range tiers {
		tier.Options = append(tier.Options, views.Option{Value: t.ID, Label: t.Name + ": fee " + t.Fee.String() + ", discount " + t.Discount.String() + " %, commission " + t.Commission.String() + " %"})
	}
	form := &views.ReportForm{Action: "/admin/settings", Submit: "Save", Wrong: wrong,
		Selects: []views.SelectProps{tier,
			{Name: "trial_end", Label: "When a trial ends", Value: shown("trial_end", v.TrialEnd), Options: []views.Option{{Value: "suspend", Label: "Suspend the shop unless it can pay"}, {Value: "active", Label: "Go on as a paying reseller"}}},
			{Name: "support", Label: "Who gives customers support", Value: shown("support", v.Support), Options: []views.Option{{Value: oversight.SupportReseller, Label: "The reseller"}, {Value: oversight.SupportProvider, Label: "The provider"}}}},
		Fields: []views.FieldProps{days("trial_days", "Trial of a new reseller", "0 is no trial. It can be set for each reseller.", v.TrialDays),
			{Name: "support_email", Label: "Support address of the provider", Type: "email", Value: shown("support_email", v.SupportEmail), Optional: true, Autocomplete: "off"},
			{Name: "min_customers", Label: "Customers that a reseller should have", Value: shown("min_customers", strconv.Itoa(v.MinCustomers)), InputMode: "numeric", Hint: "Shown on its page; 0 asks for none.", Autocomplete: "off"},
			days("domain_grace", "Until a domain that points elsewhere is given up", "", v.DomainGrace),
			days("term_days", "Until a wholesale invoice is due", "", v.TermDays),
			days("suspend_days", "From past due to suspension", "", v.SuspendDays)}}
	page := views.Report{Title: "Settings", Text: "What holds for every shop that nothing else was agreed with.",
		Links:    []views.NavItem{{Label: "Tiers", Href: "/admin/tiers"}, {Label: "Operators", Href: "/admin/operators"}, {Label: "Wholesale", Href: "/admin/wholesale"}},
		Sections: []views.ReportSection{{ID: "settings", Title: "Resellers", Form: form}}}
	return s.render(c, status, views.ReportPage(s.adminShell(c, "Settings"), page))
}

func (s *server) saveSettings(c *echo.Context) error {
	form, err := posted(c)
	if err != nil {
		return err
	}
	v := oversight.Settings{TrialDays: wholeNumber(form.Get("trial_days")), TrialEnd: form.Get("trial_end"), DefaultTier: form.Get("default_tier"),
		MinCustomers: wholeNumber(form.Get("min_customers")), Support: form.Get("support"), SupportEmail: strings.TrimSpace(form.Get("support_email")),
		DomainGrace: wholeNumber(form.Get("domain_grace")), TermDays: wholeNumber(form.Get("term_days")), SuspendDays: wholeNumber(form.Get("suspend_days"))}
	err = s.oversight.Save(c.Request().Context(), visitOf(c).operator.Email, v)
	if wrong, status := wrongOf(err); status != 0 {
		return s.settingsAs(c, status, form, wrong)
	}
	return s.acted(c, "/admin/settings", "The settings are saved.", err)
}
