package web

import (
	"net/http"
	"net/url"
	"strings"

	"github.com/labstack/echo/v5"
	"github.com/shopspring/decimal"

	"github.com/ezscale/ezscale/app/fail"
	"github.com/ezscale/ezscale/app/money"
	"github.com/ezscale/ezscale/app/wholesale"
	"github.com/ezscale/ezscale/views"
)

func (s *server) tiersPage(c *echo.Context) error {
	return s.tiersAs(c, http.StatusOK, tierForm("/admin/tiers#new", "Add the tier", url.Values{"fee": {"0"}, "discount": {"0"}, "commission": {"0"}}, views.Wrong{}, true))
}

func (s *server) tiersAs(c *echo.Context, status int, form *views.ReportForm) error {
	var tiers []wholesale.TierUse
	if err := s.DB.CentralRead(c.Request().Context(), wholesale.TierUsesQ(&tiers)); err != nil {
		return err
	}
	table := views.ReportSection{Title: "Tiers", Empty: "There are no tiers.",
		Columns: []views.Column{{Label: "Tier"}, {Label: "Fee a month", End: true}, {Label: "Discount", End: true}, {Label: "Commission", End: true}, {Label: "Resellers", End: true}}}
	for _, t := range tiers {
		table.Rows = append(table.Rows, views.ReportRow{Cells: []views.ReportCell{{Text: t.Name, Href: "/admin/tiers/" + t.ID, Below: t.ID}, {Text: money.Of(t.Fee, s.catalogCurrency()).Format()},
			{Text: t.Discount.String() + " %"}, {Text: t.Commission.String() + " %"}, {Text: views.CountOf(t.Resellers, "reseller")}}})
	}
	page := views.Report{Title: "Tiers", Text: "What resellers pay when nothing else was agreed with them: a fee, and a discount on wholesale or a share of their revenue.",
		Links: []views.NavItem{{Label: "Catalogue", Href: "/admin/catalog"}}, Sections: []views.ReportSection{table, {ID: "new", Title: "New tier", Form: form}}}
	return s.render(c, status, views.ReportPage(s.adminShell(c, "Tiers"), page))
}

func tierForm(action, submit string, v url.Values, wrong views.Wrong, fresh bool) *views.ReportForm {
	form := &views.ReportForm{Action: action, Submit: submit, Wrong: wrong}
	if fresh {
		form.Fields = append(form.Fields, views.FieldProps{Name: "id", Label: "Id", Value: v.Get("id"), MaxLength: "31", Hint: "Small letters, such as partner. It never changes.", Autocomplete: "off"})
	}
	form.Fields = append(form.Fields, views.FieldProps{Name: "name", Label: "Name", Value: v.Get("name"), MaxLength: "40", Autocomplete: "off"},
		views.FieldProps{Name: "fee", Label: "Platform fee a month", Value: v.Get("fee"), InputMode: "decimal", Autocomplete: "off"},
		views.FieldProps{Name: "discount", Label: "Discount on wholesale", Suffix: "%", Value: v.Get("discount"), InputMode: "decimal", Autocomplete: "off"},
		views.FieldProps{Name: "commission", Label: "Commission", Suffix: "%", Value: v.Get("commission"), InputMode: "decimal", Hint: "For resellers who pay a share of their revenue instead.", Autocomplete: "off"})
	return form
}

func tierOf(form url.Values, id string) (wholesale.Tier, error) {
	f := figures{form, fail.Fields{}}
	tier := wholesale.Tier{ID: id, Name: strings.TrimSpace(form.Get("name"))}
	for name, to := range map[string]*decimal.Decimal{"fee": &tier.Fee, "discount": &tier.Discount, "commission": &tier.Commission} {
		if d := f.decimal(name); d != nil {
			*to = *d
		} else {
			f.wrong.Add(name, "Enter a number such as 0 or 12.5.")
		}
	}
	return tier, f.wrong.Err()
}

func (s *server) addTier(c *echo.Context) error {
	form, err := posted(c)
	if err != nil {
		return err
	}
	tier, err := tierOf(form, strings.TrimSpace(form.Get("id")))
	if err == nil {
		err = s.Wholesale.AddTier(c.Request().Context(), visitOf(c).operator.Email, tier)
	}
	if wrong, status := wrongOf(err); status != 0 {
		return s.tiersAs(c, status, tierForm("/admin/tiers#new", "Add the tier", form, wrong, true))
	}
	if err != nil {
		return err
	}
	return s.adminDone(c, "The tier "+tier.Name+" is there.", "/admin/tiers")
}

func (s *server) tierPage(c *echo.Context) error {
	return s.tierAs(c, http.StatusOK, nil, views.Wrong{})
}

// tierAs draws one tier, with what was typed.
func (s *server) tierAs(c *echo.Context, status int, values url.Values, wrong views.Wrong) error {
	var tiers []wholesale.TierUse
	if err := s.DB.CentralRead(c.Request().Context(), wholesale.TierUsesQ(&tiers)); err != nil {
		return err
	}
	for _, t := range tiers {
		if t.ID != c.Param("id") {
			continue
		}
		if values == nil {
			values = url.Values{"name": {t.Name}, "fee": {t.Fee.String()}, "discount": {t.Discount.String()}, "commission": {t.Commission.String()}}
		}
		page := views.Report{Title: t.Name, Text: views.CountOf(t.Resellers, "reseller") + ". Those with figures of their own keep them.", Back: views.NavItem{Label: "Tiers", Href: "/admin/tiers"},
			Sections: []views.ReportSection{{Title: "What it pays", Text: "Fee and commission count from the cycle that is closed next; a discount counts for sessions that begin from now on.", Form: tierForm("/admin/tiers/"+t.ID, "Save", values, wrong, false)}}}
		if t.Resellers == 0 {
			page.Actions = []views.ReportAction{{ID: "remove", Label: "Remove", Action: "/admin/tiers/" + t.ID + "/remove", Kind: views.Danger, Question: "Remove this tier?", Explained: "No reseller is in it."}}
		}
		return s.render(c, status, views.ReportPage(s.adminShell(c, t.Name), page))
	}
	return fail.Missing("tier")
}

func (s *server) setTier(c *echo.Context) error {
	form, err := posted(c)
	if err != nil {
		return err
	}
	tier, err := tierOf(form, c.Param("id"))
	if err == nil {
		err = s.Wholesale.SetTier(c.Request().Context(), visitOf(c).operator.Email, tier)
	}
	if wrong, status := wrongOf(err); status != 0 {
		return s.tierAs(c, status, form, wrong)
	}
	if err != nil {
		return err
	}
	return s.adminDone(c, "The tier "+tier.Name+" is saved.", "/admin/tiers")
}

func (s *server) removeTier(c *echo.Context) error {
	err := s.Wholesale.RemoveTier(c.Request().Context(), visitOf(c).operator.Email, c.Param("id"))
	if wrong, status := wrongOf(err); status != 0 {
		return s.tierAs(c, status, nil, wrong)
	}
	if err != nil {
		return err
	}
	return s.adminDone(c, "The tier is gone.", "/admin/tiers")
}
