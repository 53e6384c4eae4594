//go:build docker

package docker_test

import (
	"context"
	"encoding/base64"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/moby/moby/client"
	"golang.org/x/net/websocket"

	"github.com/ezscale/ezscale/app/docker"
	"github.com/ezscale/ezscale/app/docker/enginetest"
	"github.com/ezscale/ezscale/app/workspaces"
)

func useOnEngine(t *testing.T, e *enginetest.Engine) {
	wall := time.Now()
	d, err := docker.New(docker.Config{URL: e.URL, Now: func() time.Time { return wall }})
	if err != nil {
		t.Fatal(err)
	}
	w := wishFor(t, d, 1, 256)
	id := make1(t, d, w)
	runs(t, d, id)
	if got := seen(t, d, id).Use; got != workspaces.Unused {
		t.Errorf("nobody is there: %d", got)
	}
	v := visit(t, d, w, id)
	c, err := websocket.NewConfig(strings.Replace(v.up.URL, "https", "wss", 1)+"/websockify", v.up.URL)
	if err != nil {
		t.Fatal(err)
	}
	c.TlsConfig, c.Protocol = v.tls(), []string{"binary"}
	c.Header.Set("Authorization", "Basic "+base64.StdEncoding.EncodeToString([]byte(v.up.Username+":"+v.up.Password)))
	socket, err := websocket.DialConfig(c)
	if err != nil {
		t.Fatal(err)
	}
	var back []byte
	if err := websocket.Message.Send(socket, []byte("RFB 003.008\n")); err != nil {
		t.Fatal(err)
	}
	if err := websocket.Message.Receive(socket, &back); err != nil || string(back) != "RFB 003.008\n" {
		t.Fatalf("%q, %v", back, err)
	}
	if got := seen(t, d, id).Use; got != workspaces.Unused {
		t.Errorf("within the minute it was asked again: %d", got)
	}
	wall = wall.Add(61 * time.Second)
	if got := seen(t, d, id).Use; got != workspaces.InUse {
		t.Errorf("somebody is there: %d", got)
	}
	if err := socket.Close(); err != nil {
		t.Fatal(err)
	}
	until(t, "it is seen that they left", func() bool {
		wall = wall.Add(61 * time.Second)
		return seen(t, d, id).Use == workspaces.Unused
	})
}

func gaugeOnEngine(t *testing.T, e *enginetest.Engine) {
	d, err := docker.New(docker.Config{URL: e.URL})
	if err != nil {
		t.Fatal(err)
	}
	before, err := d.Room(t.Context())
	if err != nil || !before.Known || len(before.Spaces) != 1 {
		t.Fatalf("room %+v, %v", before, err)
	}
	w := wishFor(t, d, 1, 512)
	id := make1(t, d, w)
	runs(t, d, id)
	after, err := d.Room(t.Context())
	if err != nil || after.Spaces[0].RAMMB != before.Spaces[0].RAMMB-512 {
		t.Errorf("room before %+v, after %+v, %v", before, after, err)
	}
	began := time.Now()
	idle, err := d.Gauge(t.Context(), w.UserID, id)
	first := time.Since(began)
	if err != nil || idle.CPUPercent == nil || idle.RAMMB == nil || *idle.RAMMB <= 0 {
		t.Fatalf("gauge %+v, %v", idle, err)
	}
	v := visit(t, d, w, id)
	done := make(chan struct{})
	go func() {
		defer close(done)
		v.call(http.MethodPost, "/test/burn/1500", "")
	}()
	<-time.After(time.Second)
	began = time.Now()
	busy, err := d.Gauge(t.Context(), w.UserID, id)
	took := time.Since(began)
	<-done
	if err != nil || busy.CPUPercent == nil || *busy.CPUPercent < 5 || *busy.CPUPercent > 130 {
		t.Errorf("busy: %+v, %v", busy, err)
	}
	t.Logf("idle %.1f %% of a CPU and %d MB (first look %v); busy %.1f %% (%v); room %+v", *idle.CPUPercent, *idle.RAMMB, first.Round(time.Millisecond), *busy.CPUPercent, took.Round(time.Millisecond), after.Spaces)
}

func pullOnEngine(t *testing.T, e *enginetest.Engine, program []byte) {
	r := enginetest.NewRegistry(t, program)
	d, err := docker.New(docker.Config{URL: e.URL, Tag: r.Tag})
	if err != nil {
		t.Fatal(err)
	}
	w := wishFor(t, d, 1, 256)
	if w.ImageID, err = d.FindImage(t.Context(), r.Image, 1, 256); err != nil {
		t.Fatal(err)
	}
	_, err = d.Request(t.Context(), w)
	if got := workspaces.HostKindOf(err); got != workspaces.HostPreparing {
		t.Fatalf("an image that is not there yet: %v", err)
	}
	until(t, "half of the image is there", func() bool {
		p, goesOn := d.Preparing(w.ImageID)
		if goesOn && p.Percent > 10 {
			t.Logf("%d: %s", p.Percent, p.Sentence)
		}
		return goesOn && p.Percent > 10 && strings.Contains(p.Sentence, "MB")
	})
	r.Release()
	id := ""
	until(t, "the image is there", func() bool {
		id, err = d.Request(t.Context(), w)
		if err != nil && workspaces.HostKindOf(err) != workspaces.HostPreparing {
			t.Fatal(err)
		}
		return err == nil
	})
	t.Cleanup(func() { _ = d.Destroy(context.Background(), w.UserID, id) })
	runs(t, d, id)
	if w.ImageID, err = d.FindImage(t.Context(), r.Image+":none", 1, 256); err != nil {
		t.Fatal(err)
	}
	until(t, "the registry's no is told", func() bool {
		_, err = d.Request(t.Context(), w)
		return workspaces.HostKindOf(err) != workspaces.HostPreparing
	})
	if workspaces.HostKindOf(err) != workspaces.HostRefused || !strings.Contains(err.Error(), ":none") {
		t.Errorf("a tag that is not there: %v", err)
	}
	t.Log(err)
}

// fullOnEngine: a desktop that is larger than the machine leaves nothing behind.
func fullOnEngine(t *testing.T, e *enginetest.Engine) {
	d := engineDriver(t, e.URL)
	w := wishFor(t, d, 500, 256)
	_, err := d.Request(t.Context(), w)
	if workspaces.HostKindOf(err) != workspaces.HostNoCapacity {
		t.Errorf("500 CPUs: %v", err)
	}
	if v, err := e.Client.VolumeList(t.Context(), client.VolumeListOptions{}); err != nil || len(v.Items) != 0 {
		t.Errorf("%d volumes are left, %v", len(v.Items), err)
	}
}

func killOnEngine(t *testing.T, e *enginetest.Engine) {
	d := engineDriver(t, e.URL)
	w := wishFor(t, d, 1, 256)
	id := make1(t, d, w)
	runs(t, d, id)
	if _, err := e.Client.ContainerKill(t.Context(), id, client.ContainerKillOptions{Signal: "KILL"}); err != nil {
		t.Fatal(err)
	}
	took := until(t, "it is seen that it ended", func() bool { return seen(t, d, id).State == workspaces.HostStopped })
	t.Logf("a killed desktop is seen as stopped after %v", took.Round(time.Millisecond))
	if _, err := d.Upstream(t.Context(), w.UserID, id); workspaces.HostKindOf(err) != workspaces.HostNotReady {
		t.Errorf("upstream of what was killed: %v", err)
	}
	if _, err := e.Client.ContainerRemove(t.Context(), id, client.ContainerRemoveOptions{Force: true}); err != nil {
		t.Fatal(err)
	}
	if got := seen(t, d, id).State; got != "" {
		t.Errorf("removed, it is %q", got)
	}
}

func restartEngine(t *testing.T, e *enginetest.Engine) {
	d := engineDriver(t, e.URL)
	const n = 10
	var wishes []workspaces.Wish
	var ids []string
	began := time.Now()
	for range n {
		w := wishFor(t, d, 1, 128)
		wishes, ids = append(wishes, w), append(ids, make1(t, d, w))
	}
	for _, id := range ids {
		runs(t, d, id)
	}
	t.Logf("%d desktops up in %v", n, time.Since(began).Round(time.Millisecond))
	began = time.Now()
	if _, err := d.List(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Logf("a list of %d: %v", n, time.Since(began).Round(100*time.Microsecond))
	fresh := engineDriver(t, e.URL)
	began = time.Now()
	l, err := fresh.List(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("the first list of a new program, with %d probes: %v, %s", n, time.Since(began).Round(time.Millisecond), states(l))
	e.Restart(t)
	l, err = d.List(t.Context())
	if err != nil || len(l.Desktops) != n {
		t.Fatalf("after the engine's restart %d desktops, %v", len(l.Desktops), err)
	}
	for _, one := range l.Desktops {
		if one.State != workspaces.HostStopped || !slices.Contains(ids, one.ID) {
			t.Errorf("after the engine's restart: %+v", one)
		}
	}
	if err := d.Resume(t.Context(), wishes[0].UserID, ids[0]); err != nil {
		t.Fatal(err)
	}
	runs(t, d, ids[0])
}

func states(l workspaces.Listing) string {
	count := map[string]int{}
	for _, d := range l.Desktops {
		count[d.State]++
	}
	return fmt.Sprint(count)
}
