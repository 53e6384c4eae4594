package kasmsim_test

import (
	"net/http"
	"testing"

	"github.com/ezscale/ezscale/app/kasmsim"
)

func TestViewersAreToldOfUntilTheyLeave(t *testing.T) {
	t.Parallel()
	r := newRig(t, kasmsim.Options{}).withUser()
	id := r.started()
	inUse := func() bool {
		l, err := r.client.List(t.Context())
		if err != nil || len(l.Kasms) != 1 {
			t.Fatalf("%d desktops, %v", len(l.Kasms), err)
		}
		return l.Kasms[0].InUse
	}
	if inUse() {
		t.Error("nobody came, and somebody is told of")
	}
	if status, got := r.post("/sim/view", map[string]any{"kasm_id": id, "viewers": 2}); status != http.StatusOK || got["viewers"] != 2.0 {
		t.Errorf("view: %d %v", status, got)
	}
	if !inUse() {
		t.Error("somebody came, and nobody is told of")
	}
	r.post("/sim/view", map[string]any{"kasm_id": id, "viewers": 0})
	if inUse() {
		t.Error("they left and are told of")
	}
	for name, c := range map[string]struct {
		body map[string]any
		want int
	}{
		"no id":     {map[string]any{"viewers": 1}, http.StatusUnprocessableEntity},
		"no number": {map[string]any{"kasm_id": id}, http.StatusUnprocessableEntity},
		"negative":  {map[string]any{"kasm_id": id, "viewers": -1}, http.StatusUnprocessableEntity},
		"unknown":   {map[string]any{"kasm_id": "00000000000000000000000000000000", "viewers": 1}, http.StatusNotFound},
	} {
		if status, _ := r.post("/sim/view", c.body); status != c.want {
			t.Errorf("%s: %d, want %d", name, status, c.want)
		}
	}
}
