package kasmsim_test

import (
	"testing"

	"github.com/ezscale/ezscale/app/kasm"
	"github.com/ezscale/ezscale/app/kasmsim"
)

// What the agent tells of itself agrees with what the setting capacity lets in.
func TestTheAgentTellsTheRoomThatTheCapacityLeaves(t *testing.T) {
	t.Parallel()
	r := newRig(t, kasmsim.Options{StartDelay: -1}).withUser()
	ctx := t.Context()
	check := func(what string, full bool, most int) {
		t.Helper()
		agents, err := r.client.Agents(ctx)
		r.must(err)
		loads, err := r.client.AgentReport(ctx)
		r.must(err)
		if got := loads[0].MemoryFree == 0; got != full || agents[0].MaxKasms != most || agents[0].MemoryBytes != loads[0].MemoryTotal || loads[0].MemoryUsed+loads[0].MemoryFree != loads[0].MemoryTotal {
			t.Errorf("%s: %+v %+v", what, agents[0], loads[0])
		}
	}
	check("without a limit", false, 0)
	for range 3 {
		r.request()
	}
	check("with three desktops", false, 0)
	r.set(map[string]any{"capacity": 4})
	check("with one left", false, 4)
	r.request()
	check("full", true, 4)
	if _, err := r.client.Request(ctx, kasm.RequestKasm{UserID: r.user.ID, ImageID: r.image}); kasm.KindOf(err) != kasm.KindNoCapacity {
		t.Error("one too many", err)
	}
	r.set(map[string]any{"capacity": -1})
	check("without a limit again", false, 0)
}

func TestStopCallsCanBeRefusedOrMissing(t *testing.T) {
	t.Parallel()
	r := newRig(t, kasmsim.Options{StartDelay: -1}).withUser()
	id := r.request()
	for _, c := range []struct {
		how     string
		kind    kasm.Kind
		missing bool
	}{{kasmsim.StopRefused, kasm.KindUnauthorised, false}, {kasmsim.StopMissing, kasm.KindUnavailable, true}} {
		r.set(map[string]any{"stop_calls": c.how})
		for name, err := range map[string]error{
			"stop": r.client.Stop(t.Context(), r.user.ID, id), "pause": r.client.Pause(t.Context(), r.user.ID, id), "resume": r.client.Resume(t.Context(), r.user.ID, id),
		} {
			if kasm.KindOf(err) != c.kind {
				t.Errorf("%s when %s: %v", name, c.how, err)
			}
		}
	}
	if got := r.states()[id]; got != kasm.StateRunning {
		t.Error("it was stopped all the same:", got)
	}
	r.set(map[string]any{"stop_calls": kasmsim.StopAllowed})
	r.must(r.client.Stop(t.Context(), r.user.ID, id))
}

// A copy of an image has what the image has, in its own size.
func TestImagesAreCopiedInAnotherSize(t *testing.T) {
	t.Parallel()
	r := newRig(t, kasmsim.Options{})
	ctx := t.Context()
	const path = "/mnt/kasm_profiles/{image_id}/{user_id}"
	if code, body := r.api("/api/admin/update_image", map[string]any{"target_image": map[string]any{"image_id": r.image, "persistent_profile_path": path}}); code != 200 {
		t.Fatal(code, body)
	}
	for _, field := range []string{"memory", "memory_bytes"} {
		r.set(map[string]any{"memory_field": field})
		made, err := r.client.CloneImage(ctx, r.image, kasm.ImageCopy{FriendlyName: "Large", Cores: 16, MemoryBytes: 32 << 30})
		r.must(err)
		if made.ID == r.image || made.Name != "ezscale/ubuntu-vscode:2x4096" || made.FriendlyName != "Large" || made.Cores != 16 || made.MemoryBytes != 32<<30 || made.ProfilePath != path || !made.Enabled {
			t.Errorf("%s: %+v", field, made)
		}
	}
	if _, err := r.client.CloneImage(ctx, "00000000000000000000000000000000", kasm.ImageCopy{}); kasm.KindOf(err) != kasm.KindNotFound {
		t.Error(err)
	}
}
