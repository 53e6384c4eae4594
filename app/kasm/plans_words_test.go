package kasm_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/ezscale/ezscale/app/kasm"
	"github.com/ezscale/ezscale/app/kasmsim"
	"github.com/ezscale/ezscale/app/workspaces"
)

// The calls about groups are in no document of Kasm's, so a server may refuse them in
// words of its own. A plan that forbids nothing is sold all the same; one that does is
// not, since its desktops would allow what it forbids.
func TestAServerWithOtherWordsForGroups(t *testing.T) {
	t.Parallel()
	h := newHouse(t, kasmsim.Options{})
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.Contains(r.URL.Path, "group") {
			_, _ = io.WriteString(w, `{"error_message":"target_group.label is required"}`)
			return
		}
		h.sim.Handler().ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	client, err := kasm.New(kasm.Config{URL: server.URL, Key: h.sim.Key(), Secret: h.sim.Secret()})
	h.must(err)
	d := kasm.NewDriver(client, h.wall)
	wish := workspaces.Wish{UserID: ensure(t, d, "ez.acme.1"), ImageID: h.image("ezscale/custom"), Rights: basic()}
	if _, err := d.Request(t.Context(), wish); err != nil {
		t.Errorf("a plan that forbids nothing: %v", err)
	}
	wish.Rights.Clipboard = false
	if id, err := d.Request(t.Context(), wish); err == nil {
		t.Errorf("a plan without the clipboard got the desktop %s with it", id)
	}
}
