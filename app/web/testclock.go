package web

import (
	"net/http"
	"time"

	"github.com/labstack/echo/v5"

	"github.com/ezscale/ezscale/app/fail"
	"github.com/ezscale/ezscale/app/testclock"
)

type clockJSON struct {
	Now  string `json:"now"`
	Rate int    `json:"rate"`
}

func clockOf(r testclock.Reading) clockJSON {
	return clockJSON{Now: r.Now.UTC().Format(time.RFC3339Nano), Rate: r.Rate}
}

// readTestClock shows business time. Without a test clock the address is empty.
func (s *server) readTestClock(c *echo.Context) error {
	if s.TestClock == nil {
		return echo.ErrNotFound
	}
	return c.JSON(http.StatusOK, clockOf(s.TestClock.Read()))
}

type clockMoveJSON struct {
	Now     *string `json:"now"`
	Advance *string `json:"advance"`
	Rate    *int    `json:"rate"`
}

// moveTestClock advances business time and answers when everything that came
// due on the way is done.
func (s *server) moveTestClock(c *echo.Context) error {
	if s.TestClock == nil {
		return echo.ErrNotFound
	}
	var wanted clockMoveJSON
	if _, err := readJSON(c, &wanted); err != nil {
		return err
	}
	move, err := wanted.move()
	if err != nil {
		return err
	}
	reading, err := s.TestClock.Move(c.Request().Context(), move)
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, clockOf(reading))
}

func (j clockMoveJSON) move() (m testclock.Move, err error) {
	wrong := fail.Fields{}
	if j.Now != nil {
		at, err := time.Parse(time.RFC3339, *j.Now)
		if err != nil {
			wrong.Add("now", "Give a time as in 2026-11-01T09:30:00Z.")
		}
		m.Now = &at
	}
	if j.Advance != nil {
		d, err := time.ParseDuration(*j.Advance)
		if err != nil || d < 0 {
			wrong.Add("advance", "Give a length of time as in 45m or 24h; the clock does not go back.")
		}
		m.Advance = &d
	}
	if j.Rate != nil && *j.Rate != 0 && *j.Rate != 1 {
		wrong.Add("rate", "The rate is 0 or 1.")
	}
	m.Rate = j.Rate
	if j.Now != nil && j.Advance != nil {
		wrong.Add("advance", "Give now or advance, not both.")
	}
	if j.Now == nil && j.Advance == nil && j.Rate == nil {
		wrong.Add("now", "Give now, advance or rate.")
	}
	return m, wrong.Err()
}
