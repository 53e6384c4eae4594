package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"time"
)

// customer is who the command line made, with a key to the API.
type customer struct {
	ID     string `json:"id"`
	Key    string `json:"api_key"`
	Secret string `json:"api_secret"`
}

// desk is one desktop and the customer who cannot leave it alone.
type desk struct {
	k      *killing
	n      int
	who    customer
	chance *rand.Rand

	host     string // of the shop
	id       string // of the workspace
	asked    int    // things asked for, which names them
	repeated int    // requests that were sent again
	slowest  time.Duration
}

// live orders the desktop and then stops and starts it until the chaos ends;
// after that it settles half of the desktops as running and half as stopped.
func (d *desk) live(chaos context.Context) {
	plan := []string{"developer_basic", "business_pro"}[d.n/killCustomers%2]
	made := d.ask("create_workspace?wait=0", object{"workspace_type": plan})
	if made == nil {
		return
	}
	d.id = fmt.Sprint(made["workspace_id"])
	for on := true; chaos.Err() == nil; on = !on {
		pauseFor(chaos, d.patience(on))
		switch {
		case chaos.Err() != nil:
		case on:
			d.do("stop_workspace")
		default:
			d.do("start_workspace")
		}
	}
	d.settle(d.n%2 == 0)
}

// patience is how long the customer leaves the desktop as it is. Some are gone
// before it is up, some change their mind at once, and every third stays for long.
func (d *desk) patience(on bool) time.Duration {
	upTo := func(from, to time.Duration) time.Duration {
		return from + time.Duration(d.chance.Int64N(int64(to-from)))
	}
	switch {
	case on && d.n%3 == 0:
		return upTo(killLongRun, killLongRun+30*time.Second)
	case on && d.chance.IntN(4) == 0:
		return upTo(0, time.Second)
	case on:
		return upTo(time.Second, 14*time.Second)
	case d.chance.IntN(2) == 0:
		return upTo(0, 200*time.Millisecond)
	}
	return upTo(500*time.Millisecond, 4*time.Second)
}

// do starts or stops; that is refused to nobody here.
func (d *desk) do(what string) { d.ask(what, object{"workspace_id": d.id}) }

// settle brings the desktop to rest, starting it again should a start have failed.
func (d *desk) settle(running bool) {
	want, what := "stopped", "stop_workspace"
	if running {
		want, what = "running", "start_workspace"
	}
	d.do(what)
	for deadline := time.Now().Add(quietWithin); ; pauseFor(d.k.t.Context(), 250*time.Millisecond) {
		status, body, err := d.send(http.MethodGet, "workspace_status?workspace_id="+d.id, "", nil)
		got := fmt.Sprint(body["status"])
		switch {
		case err == nil && status == http.StatusOK && (got == want || got == "failed" && !running):
			return
		case time.Now().After(deadline) || d.k.t.Context().Err() != nil:
			d.k.t.Errorf("desktop %d (%s) is stuck: %d %v %v, want %s", d.n, d.id, status, body, err, want)
			return
		case err == nil && status == http.StatusOK && got != "provisioning":
			d.do(what)
		}
	}
}

// ask sends one request, with one key, until it is answered.
func (d *desk) ask(what string, body object) object {
	d.asked++
	key := fmt.Sprintf("desk-%d-%d", d.n, d.asked)
	began := time.Now()
	for try := 1; ; try++ {
		status, answer, err := d.send(http.MethodPost, what, key, body)
		switch {
		case err == nil && status < 300:
			d.slowest = max(d.slowest, time.Since(began))
			return answer
		case err == nil && status < 500 && !underWay(status, answer):
			d.k.t.Errorf("desktop %d: %s %v: %d %v", d.n, what, body, status, answer)
			return nil
		case time.Since(began) > answeredWithin || d.k.t.Context().Err() != nil:
			d.k.t.Errorf("desktop %d: %s was not answered in %d tries: %d %v %v", d.n, what, try, status, answer, err)
			return nil
		}
		d.repeated++
		pauseFor(d.k.t.Context(), 50*time.Millisecond+time.Duration(d.chance.Int64N(int64(200*time.Millisecond))))
	}
}

// underWay is the answer while the first request with the key is still being
// done, or was, by a program that is dead.
func underWay(status int, answer object) bool {
	why, _ := answer["error"].(map[string]any)
	return status == http.StatusConflict && why["code"] == "conflict"
}

// send sends one request once.
func (d *desk) send(method, what, key string, body object) (int, object, error) {
	text, err := json.Marshal(body)
	if err != nil {
		return 0, nil, err
	}
	ctx, cancel := context.WithTimeout(d.k.t.Context(), 15*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, method, "http://"+d.k.address+"/api/public/"+what, bytes.NewReader(text))
	if err != nil {
		return 0, nil, err
	}
	req.Host = d.host
	req.Header = http.Header{"Content-Type": {"application/json"}, "X-Api-Key": {d.who.Key}, "X-Api-Secret": {d.who.Secret}}
	if key != "" {
		req.Header.Set("Idempotency-Key", key)
	}
	return answered(http.DefaultClient.Do(req))
}

func answered(res *http.Response, err error) (int, object, error) {
	if err != nil {
		return 0, nil, err
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		return 0, nil, err
	}
	var body object
	if err := json.Unmarshal(text, &body); err != nil {
		return res.StatusCode, nil, errors.New("no JSON: " + string(text))
	}
	return res.StatusCode, body, nil
}

// isReady asks the program whether it serves.
func (k *killing) isReady() bool {
	ctx, cancel := context.WithTimeout(k.t.Context(), 2*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+k.address+"/readyz", nil)
	if err != nil {
		return false
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return false
	}
	defer res.Body.Close()
	_, _ = io.Copy(io.Discard, res.Body)
	return res.StatusCode == http.StatusOK
}

// setSim changes how the desktop host behaves.
func (k *killing) setSim(to object) {
	k.t.Helper()
	text, err := json.Marshal(to)
	if err != nil {
		k.t.Fatal(err)
	}
	status, body, err := answered(http.Post(k.simAt+"/sim/settings", "application/json", bytes.NewReader(text)))
	if err != nil || status != http.StatusOK {
		k.t.Fatalf("set the simulator: %d %v %v", status, body, err)
	}
}
