package web

import (
	"encoding/json"
	"net/http"
	"time"

	"github.com/google/uuid"
	"github.com/labstack/echo/v5"
	"github.com/shopspring/decimal"

	"github.com/ezscale/ezscale/app/billing"
	"github.com/ezscale/ezscale/app/fail"
	"github.com/ezscale/ezscale/app/metering"
	"github.com/ezscale/ezscale/app/money"
)

type sessionJSON struct {
	SessionID       uuid.UUID `json:"session_id"`
	WorkspaceID     uuid.UUID `json:"workspace_id"`
	StartedAt       *string   `json:"started_at"`
	StoppedAt       *string   `json:"stopped_at"`
	Duration        int64     `json:"duration_seconds"`
	BillableSeconds int64     `json:"duration_billable_seconds"`
	Blocks          int       `json:"blocks"`
	CostPerHour     string    `json:"cost_per_hour"`
	TotalCost       string    `json:"total_cost"`
	InvoiceNumbers  []string  `json:"invoice_numbers"`
}

// apiSessions lists the caller's sessions, newest first. A running one shows what
// it would be billed if it stopped now.
func (s *server) apiSessions(c *echo.Context) error {
	limit, after, err := page(c)
	if err != nil {
		return err
	}
	v, from := visitOf(c), metering.Page{Limit: limit + 1}
	if text := c.QueryParam("workspace_id"); text != "" {
		if from.WorkspaceID, err = idOf(text, "workspace"); err != nil {
			return err
		}
	}
	if after != "" {
		var place metering.Cursor
		if place.StartedAt, place.ID, err = cursorPlace(after); err != nil {
			return err
		}
		from.After = &place
	}
	var rows []metering.Session
	if err := s.DB.Read(c.Request().Context(), v.tenant, metering.SessionsQ(&rows, v.userID, from)); err != nil {
		return err
	}
	rows, more := cut(rows, limit)
	list, now := make([]sessionJSON, len(rows)), s.Clock.Now()
	for i, r := range rows {
		numbers := r.InvoiceNumbers
		if numbers == nil {
			numbers = []string{}
		}
		list[i] = sessionJSON{r.ID, r.WorkspaceID, stamp(&r.StartedAt), stamp(r.StoppedAt), r.SecondsAt(now), r.BillableSecondsAt(now), r.BlocksAt(now),
			money.API(r.CostPerHour, r.Currency), money.API(r.CostAt(now), r.Currency), numbers}
	}
	answer := map[string]any{"sessions": list, "next_cursor": nil}
	if more {
		last := metering.CursorOf(rows[len(rows)-1])
		answer["next_cursor"] = cursorText(last.StartedAt, last.ID)
	}
	return c.JSON(http.StatusOK, answer)
}

// apiUsage sums a calendar month in the shop's zone: blocks by their start,
// whenever they were invoiced.
func (s *server) apiUsage(c *echo.Context) error {
	v := visitOf(c)
	month, err := monthOf(c.QueryParam("month"), v.tenant.Zone, s.Clock.Now())
	if err != nil {
		return err
	}
	var used metering.Usage
	if err := s.DB.Read(c.Request().Context(), v.tenant, metering.UsageQ(&used, v.userID, month.Start, month.End)); err != nil {
		return err
	}
	hours := decimal.NewFromInt(used.Seconds).DivRound(decimal.NewFromInt(3600), 4)
	return c.JSON(http.StatusOK, map[string]any{"month": month.Month.Format("2006-01"), "hours": json.Number(hours.String()), "blocks": used.Blocks,
		"cost": money.API(used.Cost, v.tenant.Currency), "currency": v.tenant.Currency})
}

// monthOf reads ?month=2026-10; nothing means the present month.
func monthOf(text string, zone *time.Location, now time.Time) (billing.Cycle, error) {
	if text == "" {
		return billing.CycleOf(zone, now), nil
	}
	first, err := time.ParseInLocation("2006-01", text, zone)
	if err != nil || first.Year() < 2000 || first.Year() > 2200 {
		return billing.Cycle{}, fail.Fields{"month": "Give a month as in 2026-10."}.Err()
	}
	return billing.CycleOf(zone, first.Add(12*time.Hour)), nil
}
