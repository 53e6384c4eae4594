package web

import (
	"net/http"
	"net/url"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/google/uuid"
	"github.com/labstack/echo/v5"

	"github.com/ezscale/ezscale/app/accounts"
	"github.com/ezscale/ezscale/app/activity"
	"github.com/ezscale/ezscale/views"
)

// activityOnPage and activityInFile are how many lines are read at once.
const (
	activityOnPage = 50
	activityInFile = 1000
)

// activitySearch reads what is asked for from the address.
func activitySearch(c *echo.Context) (activity.Search, error) {
	search := activity.Search{Text: c.QueryParam("q"), Cursor: c.QueryParam("cursor"), Limit: activityOnPage}
	if _, known := activity.Kinds()[c.QueryParam("about")]; known {
		search.Kind = c.QueryParam("about")
	}
	switch who := c.QueryParam("who"); who {
	case activity.ByProvider, activity.ByCustomers, activity.ByPrograms:
		search.Who = who
	default:
		if id, err := uuid.Parse(who); err == nil {
			search.Who = id.String()
		}
	}
	var err error
	search.From, search.To, err = span(c, visitOf(c).tenant.Zone)
	return search, err
}

func (s *server) activityPage(c *echo.Context) error {
	v, status := visitOf(c), http.StatusOK
	search, err := activitySearch(c)
	page := views.Activity{Query: strings.TrimSpace(search.Text), Who: search.Who, Kind: search.Kind, From: c.QueryParam("from"), To: c.QueryParam("to")}
	if err != nil {
		if page.Wrong, status = wrongOf(err); status == 0 {
			return err
		}
	}
	var team []accounts.User
	list, err := s.Activity.List(c.Request().Context(), v.tenant, search, accounts.TeamQ(&team))
	if err != nil {
		return err
	}
	page.People = whoOptions(team)
	for _, e := range list.Entries {
		page.Rows = append(page.Rows, activityRow(e, v.tenant.Zone))
	}
	filter := url.Values{}
	for name, value := range map[string]string{"q": page.Query, "who": page.Who, "about": page.Kind, "from": page.From, "to": page.To} {
		if value != "" {
			filter.Set(name, value)
		}
	}
	page.CSV = pathAnd("/reseller/audit.csv", filter)
	if search.Cursor != "" {
		page.First = pathAnd("/reseller/audit", filter)
	}
	if list.Next != "" {
		filter.Set("cursor", list.Next)
		page.Older = pathAnd("/reseller/audit", filter)
	}
	return s.render(c, status, views.ActivityPage(s.consoleShell(c, "Activity", v.person), page))
}

func pathAnd(path string, filter url.Values) string {
	if len(filter) == 0 {
		return path
	}
	return path + "?" + filter.Encode()
}

func whoOptions(team []accounts.User) []views.Option {
	options := []views.Option{{Value: "", Label: "Everybody"}}
	for _, u := range team {
		options = append(options, views.Option{Value: u.ID.String(), Label: u.Email})
	}
	return append(options, views.Option{Value: activity.ByCustomers, Label: "Customers"}, views.Option{Value: activity.ByProvider, Label: "The provider"},
		views.Option{Value: activity.ByPrograms, Label: "Programs"})
}

// longestDetail bounds what a line of the page says; the file says all of it.
const longestDetail = 240

func activityRow(e activity.Entry, zone *time.Location) views.ReportRow {
	detail := e.Detail()
	if utf8.RuneCountInString(detail) > longestDetail {
		detail = string([]rune(detail)[:longestDetail]) + "…"
	}
	who, below := doerOf(e)
	about := e.About
	if about == "" && uuid.Validate(e.Subject) != nil {
		about = e.Subject
	}
	at := e.At.In(zone)
	return views.ReportRow{Cells: []views.ReportCell{{Text: strings.ReplaceAll(at.Format("Jan 2, 2006"), " ", "\u00a0"), Below: at.Format("15:04:05")}, {Text: who, Below: below}, {Text: actionWords(e.Action), Below: about}, {Text: detail}}}
}

// doerOf names who did something: a person, the provider, or a program.
func doerOf(e activity.Entry) (who, below string) {
	switch {
	case e.Email != "":
		return e.Name, e.Email
	case e.Provider && strings.Contains(e.Actor, "@"):
		return "The provider", e.Actor
	case e.Provider:
		return "The provider", ""
	case strings.HasPrefix(e.Actor, "user:"):
		return "Somebody who is gone", ""
	}
	if strings.Contains(e.Actor, "@") {
		return e.Actor, ""
	}
	return strings.ToUpper(e.Actor[:min(1, len(e.Actor))]) + e.Actor[min(1, len(e.Actor)):], ""
}

// actionWords makes a sentence of an action's name: "plan.changed" is "Plan changed".
func actionWords(action string) string {
	words := map[string]string{"user.create": "Account made", "user.change_password": "Password changed", "user.reset_password": "Password chosen by mail", "user.limits": "Limits changed",
		"user.billing_details": "Billing details changed", "key.create": "API key made", "key.revoke": "API key revoked", "staff.role": "Role changed", "pricing.rule_set": "Mark-up set",
		"pricing.rule_removed": "Mark-up removed", "pricing.applied": "Mark-ups applied", "pricing.kept": "Suggested prices kept", "stripe.keys_set": "Stripe keys set",
		"acting.began": "Began to work in another name", "acting.did": "Changed in another name", "acting.ended": "Ended working in another name", "tenant.owner": "Owner to write to changed", "tenant.terms": "Wholesale terms changed", "tenant.created": "Shop opened"}[action]
	if words == "" {
		words = strings.NewReplacer(".", " ", "_", " ").Replace(action)
		words = strings.ToUpper(words[:min(1, len(words))]) + words[min(1, len(words)):]
	}
	return words
}

func (s *server) activityCSV(c *echo.Context) error {
	v := visitOf(c)
	search, err := activitySearch(c)
	if err != nil {
		return err
	}
	search.Limit = activityInFile
	head := []string{"at", "actor", "name", "email", "action", "subject", "subject_email", "detail", "provider"}
	return s.streamCSV(c, "activity", head, func(cursor string) ([][]string, string, error) {
		search.Cursor = cursor
		list, err := s.Activity.List(c.Request().Context(), v.tenant, search)
		if err != nil {
			return nil, "", err
		}
		rows := make([][]string, len(list.Entries))
		for i, e := range list.Entries {
			provider := ""
			if e.Provider {
				provider = "yes"
			}
			rows[i] = []string{e.At.UTC().Format(time.RFC3339), e.Actor, e.Name, e.Email, e.Action, e.Subject, e.About, e.Detail(), provider}
		}
		return rows, list.Next, nil
	})
}
