package testclock

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"
)

// SimulatorAt sets the clock of the simulator at an address over HTTP, as an
// outsider would.
func SimulatorAt(url string) SimClock {
	client := &http.Client{Timeout: 10 * time.Second}
	return func(ctx context.Context, now, wall time.Time, rate int) error {
		body, err := json.Marshal(map[string]any{"now": now, "wall": wall, "rate": rate})
		if err != nil {
			return err
		}
		return call(ctx, client, http.MethodPost, strings.TrimRight(url, "/")+"/sim/clock", body)
	}
}

// IsSimulator asks whether the desktop host at an address is a simulator. Only
// then may business time be moved: real desktops run in real time.
func IsSimulator(ctx context.Context, url string) bool {
	client := &http.Client{Timeout: 5 * time.Second}
	return call(ctx, client, http.MethodGet, strings.TrimRight(url, "/")+"/sim/clock", nil) == nil
}

// SetStartDelay sets how long the simulator at an address takes to start a desktop.
func SetStartDelay(ctx context.Context, url string, delay time.Duration) error {
	body, err := json.Marshal(map[string]int64{"start_delay_ms": delay.Milliseconds()})
	if err != nil {
		return err
	}
	_, err = ask(ctx, &http.Client{Timeout: 10 * time.Second}, http.MethodPost, strings.TrimRight(url, "/")+"/sim/settings", body)
	return err
}

// call asks about the clock, and takes only a clock for an answer.
func call(ctx context.Context, client *http.Client, method, url string, body []byte) error {
	text, err := ask(ctx, client, method, url, body)
	if err != nil {
		return err
	}
	var answer struct {
		Now time.Time `json:"now"`
	}
	if err := json.Unmarshal(text, &answer); err != nil || answer.Now.IsZero() {
		return errors.New("the simulator's clock did not answer with a time")
	}
	return nil
}

func ask(ctx context.Context, client *http.Client, method, url string, body []byte) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, method, url, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Content-Type", "application/json")
	resp, err := client.Do(req)
	if err != nil {
		return nil, fmt.Errorf("the simulator does not answer: %w", err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("the simulator answered with status %d", resp.StatusCode)
	}
	return io.ReadAll(io.LimitReader(resp.Body, 1<<20))
}
