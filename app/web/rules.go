package web

import (
	"context"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/google/uuid"
	"github.com/labstack/echo/v5"
	"github.com/shopspring/decimal"

	"github.com/ezscale/ezscale/app/fail"
	"github.com/ezscale/ezscale/app/workspaces"
	"github.com/ezscale/ezscale/tenants"
	"github.com/ezscale/ezscale/views"
)

// rulesChanged makes the card on the same page draw itself anew.
const rulesChanged = `{"rules-changed":{"target":"body"}}`

// ruling changes one rule of a desktop as a form says.
type ruling struct {
	rule  string // a row of views.RulesCard
	saved string // what a browser without scripts reads on the next page
	do    func(ctx context.Context, t tenants.Tenant, who workspaces.Who, id uuid.UUID, form url.Values) error
	again func(r *views.Rules, form url.Values, wrong views.Wrong) // puts back what was typed
}

func (s *server) setIdleStop(c *echo.Context) error {
	return s.rule(c, ruling{rule: views.RuleIdle, saved: "It is saved when your desktop stops by itself.",
		do: func(ctx context.Context, t tenants.Tenant, who workspaces.Who, id uuid.UUID, form url.Values) error {
			minutes, err := idleMinutes(form.Get("idle_stop_minutes"))
			if err == nil {
				_, err = s.Workspaces.SetIdleStop(ctx, t, who, id, minutes)
			}
			return err
		},
		again: func(r *views.Rules, form url.Values, wrong views.Wrong) {
			r.Idle = views.IdleForm{Minutes: form.Get("idle_stop_minutes"), Wrong: wrong}
		}})
}

// idleMinutes reads a choice of minutes; nothing is what the plan says.
func idleMinutes(text string) (*int, error) {
	text = strings.TrimSpace(text)
	if text == "" {
		return nil, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		return nil, fail.Fields{"idle_stop_minutes": "Choose one of the lengths in the list."}.Err()
	}
	return &n, nil
}

func (s *server) setLimit(c *echo.Context) error {
	return s.rule(c, ruling{rule: views.RuleUntil, saved: "The limit of this run is saved.",
		do: func(ctx context.Context, t tenants.Tenant, who workspaces.Who, id uuid.UUID, form url.Values) error {
			limit, _, err := limitOf(form)
			if err == nil {
				_, err = s.Workspaces.SetRunLimit(ctx, t, who, id, limit)
			}
			return err
		},
		again: func(r *views.Rules, form url.Values, wrong views.Wrong) {
			_, r.Until, _ = limitOf(form)
			r.Until.Wrong = wrong
		}})
}

// limitOf reads what ends a run by itself. Without run_until, whatever is filled in
// counts. Errors: Invalid (run_for, run_budget).
func limitOf(form url.Values) (limit workspaces.RunLimit, typed views.RunUntil, err error) {
	typed = views.RunUntil{Until: form.Get("run_until"), Minutes: strings.TrimSpace(form.Get("run_for")), Budget: strings.TrimSpace(form.Get("run_budget"))}
	if typed.Until == "" {
		typed.Until = impliedUntil(typed)
	}
	wrong := fail.Fields{}
	switch typed.Until {
	case "time":
		n, err := strconv.Atoi(typed.Minutes)
		if err != nil || n <= 0 {
			wrong.Add("run_for", "Give a whole number of minutes, such as 45.")
		}
		limit.Minutes = n
	case "budget":
		limit.Budget, err = decimalOf(typed.Budget)
		if err != nil || !limit.Budget.IsPositive() {
			wrong.Add("run_budget", "Give an amount above zero, such as 1.50.")
		}
	case "both":
		wrong.Add("run_for", "Give a time or an amount, not both.")
		typed.Until = "time"
	default:
		typed.Until = ""
	}
	err = wrong.Err()
	typed.Wrong.Fields = wrong
	return limit, typed, err
}

func impliedUntil(typed views.RunUntil) string {
	switch {
	case typed.Minutes != "" && typed.Budget != "":
		return "both"
	case typed.Minutes != "":
		return "time"
	case typed.Budget != "":
		return "budget"
	}
	return ""
}

// decimalOf reads an amount as people write one, without exponents.
func decimalOf(text string) (decimal.Decimal, error) {
	if strings.ContainsAny(text, "eE") || len(text) > 20 {
		return decimal.Zero, fail.New(fail.Invalid, "This is not an amount.")
	}
	return decimal.NewFromString(text)
}

func (s *server) setSchedule(c *echo.Context) error {
	return s.rule(c, ruling{rule: views.RuleSchedule, saved: "The schedule is saved.",
		do: func(ctx context.Context, t tenants.Tenant, who workspaces.Who, id uuid.UUID, form url.Values) error {
			timetable, err := workspaces.ParseSchedule(form.Get("start_time"), form.Get("stop_time"), form["weekdays"], form.Get("time_zone"))
			if err != nil {
				return err
			}
			return s.Workspaces.SetSchedule(ctx, t, who, id, timetable)
		},
		again: func(r *views.Rules, form url.Values, wrong views.Wrong) {
			r.Timetable = views.Timetable{Start: form.Get("start_time"), Stop: form.Get("stop_time"), Days: form["weekdays"], Zone: form.Get("time_zone"), Wrong: wrong}
		}})
}

func (s *server) removeSchedule(c *echo.Context) error {
	return s.rule(c, ruling{rule: views.RuleSchedule, saved: "The schedule is removed.",
		do: func(ctx context.Context, t tenants.Tenant, who workspaces.Who, id uuid.UUID, _ url.Values) error {
			return s.Workspaces.RemoveSchedule(ctx, t, who, id)
		},
		again: func(r *views.Rules, _ url.Values, wrong views.Wrong) { r.Timetable.Wrong = wrong }})
}

// rule changes a rule of one of the caller's own desktops and answers its row to
// htmx, a page to a browser without scripts. What was wrong is said beside the
// fields (422), or that the desktop is in no state for it (409).
func (s *server) rule(c *echo.Context, r ruling) error {
	v := visitOf(c)
	id, err := idOf(c.Param("id"), "workspace")
	if err != nil {
		return err
	}
	form, err := posted(c)
	if err != nil {
		return err
	}
	err = r.do(c.Request().Context(), v.tenant, workspaces.Who{UserID: v.userID}, id, form)
	if err == nil {
		return s.ruled(c, id, r)
	}
	wrong, status := wrongOf(err)
	if status == 0 {
		return err
	}
	again := func(rules *views.Rules) { r.again(rules, form, wrong) }
	if !isHTMX(c) {
		return s.deskPage(c, status, id, func(p *views.WorkspaceProps) { again(&p.Rules) })
	}
	rules, err := s.readRules(c, id)
	if err != nil {
		return err
	}
	again(&rules)
	return s.render(c, status, views.RuleRow(rules, r.rule))
}

// ruled answers a rule that was changed.
func (s *server) ruled(c *echo.Context, id uuid.UUID, r ruling) error {
	if !isHTMX(c) {
		putNotice(c, s.doors.shop, views.ToneGood, r.saved)
		return seeOther(c, localPath(c.QueryParam("next"), "/workspaces/"+id.String()))
	}
	rules, err := s.readRules(c, id)
	if err != nil {
		return err
	}
	c.Response().Header().Set("HX-Trigger", rulesChanged)
	return s.render(c, http.StatusOK, views.RuleRow(rules, r.rule))
}

// readRules reads what the rules of a desktop are drawn from.
func (s *server) readRules(c *echo.Context, id uuid.UUID) (views.Rules, error) {
	var schedule workspaces.Schedule
	var found bool
	desk, err := s.readDesk(c, id, workspaces.ScheduleQ(&schedule, &found, visitOf(c).userID, id))
	return rulesOf(desk, schedule, found), err
}

func rulesOf(desk views.Desk, schedule workspaces.Schedule, found bool) views.Rules {
	return views.Rules{Desk: desk, Idle: views.IdleOf(desk.Workspace), Schedule: schedule, Scheduled: found,
		Timetable: views.TimetableOf(schedule, found, desk.Zone), Until: views.UntilOf(desk.Card)}
}
