package testclock

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
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

func call(ctx context.Context, client *http.Client, method, url string, body []byte) error {
	req, err := http.NewRequestWithContext(ctx, method, url, bytes.NewReader(body))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/json")
	resp, err := client.Do(req)
	if err != nil {
		return fmt.Errorf("the simulator does not answer: %w", err)
	}
	defer resp.Body.Close()
	var answer struct {
		Now time.Time `json:"now"`
	}
	if err := json.NewDecoder(resp.Body).Decode(&answer); err != nil || resp.StatusCode != http.StatusOK || answer.Now.IsZero() {
		return fmt.Errorf("the simulator's clock answered with status %d", resp.StatusCode)
	}
	return nil
}
