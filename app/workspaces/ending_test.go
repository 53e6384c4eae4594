package workspaces_test

import (
	"sync/atomic"
	"testing"

	"github.com/ezscale/ezscale/app/bus/bustest"
	"github.com/ezscale/ezscale/app/workspaces"
)

// One answer that gets lost does not leave a desktop running until the next look:
// it is told to stop again at once, a few times.
func TestAStopWithoutAnAnswerIsAskedForAgain(t *testing.T) {
	t.Parallel()
	for name, lost := range map[string]int32{"once": 1, "always": 1000} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			c := w.running()
			var asked atomic.Int32
			w.host.insteadOfStop(func() error {
				if asked.Add(1) <= lost {
					return &workspaces.HostError{Kind: workspaces.HostUnavailable, Message: "Kasm gave no proper answer."}
				}
				return nil
			})
			if _, err := w.service.Stop(w.ctx, w.shop, w.who(), c.ID, "customer"); err != nil {
				t.Fatal(err)
			}
			want := min(lost+1, 3)
			bustest.Until(w, "it was asked again", w.bus.Handled(), func() bool { return asked.Load() == want })
			w.settle()
			if got := asked.Load(); got != want || w.dues("converge") != 1 {
				t.Errorf("asked %d times, want %d; %d due times look at it later", got, want, w.dues("converge"))
			}
		})
	}
}
