package web

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/a-h/templ"
	"github.com/labstack/echo/v5"
	"github.com/shopspring/decimal"

	"github.com/ezscale/ezscale/app/accounts"
	"github.com/ezscale/ezscale/app/billing"
	"github.com/ezscale/ezscale/app/dunning"
	"github.com/ezscale/ezscale/app/fail"
	"github.com/ezscale/ezscale/app/money"
	"github.com/ezscale/ezscale/app/parking"
	"github.com/ezscale/ezscale/tenants"
	"github.com/ezscale/ezscale/views"
)

// consoleActor names who acts in the console, for the audit log.
func consoleActor(c *echo.Context) string { return "user:" + visitOf(c).userID.String() }

// consoleRead asks a page's own queries, and says who is at the console.
func (s *server) consoleRead(c *echo.Context, qs ...tenants.Query) (person accounts.User, err error) {
	v := visitOf(c)
	if len(qs) > 0 {
		err = s.DB.Read(c.Request().Context(), v.tenant, qs...)
	}
	return v.person, err
}

// typed keeps what a form said, so that nothing is lost when something is wrong.
func typed(form url.Values, wrong views.Wrong) views.TermsForm {
	values := make(map[string]string, len(form))
	for name := range form {
		values[name] = form.Get(name)
	}
	return views.TermsForm{Values: values, Wrong: wrong}
}

// figures reads the numbers of a form; an empty field is nil.
type figures struct {
	form  url.Values
	wrong fail.Fields
}

// longestFigure is more than anybody means to type.
const longestFigure = 18

func (f figures) whole(name string) *int {
	text := strings.TrimSpace(f.form.Get(name))
	if text == "" {
		return nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || len(text) > longestFigure {
		f.wrong.Add(name, "Enter a whole number.")
		return nil
	}
	return &n
}

func (f figures) decimal(name string) *decimal.Decimal {
	text := strings.TrimSpace(f.form.Get(name))
	if text == "" {
		return nil
	}
	d, err := decimal.NewFromString(text)
	if err != nil || len(text) > longestFigure || strings.ContainsAny(text, "eE") {
		f.wrong.Add(name, "Enter a number such as 19 or 7.50.")
		return nil
	}
	return &d
}

// days reads a list such as "1, 3, 5".
func (f figures) days(name string) []int {
	days := []int{}
	for _, text := range strings.FieldsFunc(f.form.Get(name), func(r rune) bool { return r == ',' || r == ' ' }) {
		n, err := strconv.Atoi(text)
		if err != nil || n < 0 || n > 3650 || len(days) == 20 {
			f.wrong.Add(name, "Enter days such as 1, 3, 5.")
			return nil
		}
		days = append(days, n)
	}
	return days
}

func (s *server) shopTermsPage(c *echo.Context) error {
	person, err := s.consoleRead(c)
	if err != nil {
		return err
	}
	terms, err := s.Billing.Terms(c.Request().Context(), visitOf(c).tenant)
	if err != nil {
		return err
	}
	t := visitOf(c).tenant
	form := views.TermsForm{Values: termsValues(t, terms)}
	return s.render(c, http.StatusOK, views.ShopTermsPage(s.consoleShell(c, "Terms", person), views.ShopTermsProps{Symbol: t.Currency, Form: form}))
}

// termsValues are a shop's terms as the form shows them. Settings that cannot be read
// show what holds instead.
func termsValues(t tenants.Tenant, s billing.ShopTerms) map[string]string {
	plan, _ := dunning.PlanOf(s.Dunning)
	bounds, _ := parking.BoundsOf(s.Bounds, t.Currency)
	return map[string]string{
		"minimum_credit": money.API(s.MinimumCredit, t.Currency), "postpaid": onOff(s.Postpaid), "free_restart": onOff(s.FreeRestart),
		"invoice_number_format": s.NumberFormat, "credit_note_number_format": s.CreditFormat, "term_days": strconv.Itoa(s.TermDays), "payment_text": s.PaymentText,
		"retry": listOf(plan.Retry), "remind": listOf(plan.Remind), "suspend": strconv.Itoa(plan.Suspend), "terminate": strconv.Itoa(plan.Terminate),
		"grace_hours": strconv.Itoa(plan.GraceHours), "blocks_per_day": strconv.FormatInt(bounds.BlocksPerDay, 10), "topups_per_hour": strconv.FormatInt(bounds.TopUpsPerHour, 10),
	}
}

func onOff(on bool) string {
	if on {
		return "on"
	}
	return ""
}

func listOf(days []int) string {
	words := make([]string, len(days))
	for i, d := range days {
		words[i] = strconv.Itoa(d)
	}
	return strings.Join(words, ", ")
}

func (s *server) setShopTerms(c *echo.Context) error {
	form, err := posted(c)
	if err != nil {
		return err
	}
	v, ctx := visitOf(c), c.Request().Context()
	person, err := s.consoleRead(c)
	if err != nil {
		return err
	}
	before, err := s.Billing.Terms(ctx, v.tenant)
	if err != nil {
		return err
	}
	change, err := termsOf(form, v.tenant, before)
	if err == nil {
		change.Actor = consoleActor(c)
		_, err = s.Billing.SetTerms(ctx, v.tenant, change)
	}
	if err != nil {
		return s.again(c, err, func(wrong views.Wrong) templ.Component {
			return views.ShopTermsPage(s.consoleShell(c, "Terms", person), views.ShopTermsProps{Symbol: v.tenant.Currency, Form: typed(form, wrong)})
		})
	}
	putNotice(c, s.deskOfReseller(c), views.ToneGood, "Your terms are saved.")
	return seeOther(c, "/reseller/billing")
}

// termsOf reads the form. A part that is not in it at all stays as it is.
func termsOf(form url.Values, t tenants.Tenant, before billing.ShopTerms) (billing.TermsChange, error) {
	f := figures{form, fail.Fields{}}
	change := billing.TermsChange{MinimumCredit: f.decimal("minimum_credit"), TermDays: f.whole("term_days")}
	if form.Has("minimum_credit") { // a box that is not ticked is not sent
		postpaid, restart := form.Get("postpaid") == "on", form.Get("free_restart") == "on"
		change.Postpaid, change.FreeRestart = &postpaid, &restart
	}
	for name, to := range map[string]**string{"invoice_number_format": &change.NumberFormat, "credit_note_number_format": &change.CreditFormat, "payment_text": &change.PaymentText} {
		if text := strings.TrimSpace(form.Get(name)); form.Has(name) {
			*to = &text
		}
	}
	var err error
	if form.Has("suspend") {
		change.Dunning, err = dunningOf(f, before)
	}
	if err == nil && form.Has("blocks_per_day") {
		change.Bounds, err = boundsOf(f, t, before)
	}
	if err != nil {
		return change, err
	}
	return change, f.wrong.Err()
}

func dunningOf(f figures, before billing.ShopTerms) (json.RawMessage, error) {
	plan, _ := dunning.PlanOf(before.Dunning)
	plan.Retry, plan.Remind = f.days("retry"), f.days("remind")
	for name, to := range map[string]*int{"suspend": &plan.Suspend, "terminate": &plan.Terminate, "grace_hours": &plan.GraceHours} {
		if n := f.whole(name); n != nil {
			*to = *n
		}
		if *to < 0 || *to > 3650 {
			f.wrong.Add(name, "Give 0 to 3650.")
		}
	}
	if plan.Terminate > 0 && plan.Terminate <= plan.Suspend {
		f.wrong.Add("terminate", "Desktops are destroyed after the account was suspended, so give more days.")
	}
	return json.Marshal(plan)
}

func boundsOf(f figures, t tenants.Tenant, before billing.ShopTerms) (json.RawMessage, error) {
	bounds, _ := parking.BoundsOf(before.Bounds, t.Currency)
	for name, to := range map[string]*int64{"blocks_per_day": &bounds.BlocksPerDay, "topups_per_hour": &bounds.TopUpsPerHour} {
		if n := f.whole(name); n != nil {
			*to = int64(*n)
		}
		if *to < 0 {
			f.wrong.Add(name, "Give a number from 0.")
		}
	}
	return json.Marshal(bounds)
}
