//go:build docker

package docker_test

import (
	"strings"
	"testing"
	"time"

	"github.com/ezscale/ezscale/app/docker"
	"github.com/ezscale/ezscale/app/docker/enginetest"
	"github.com/ezscale/ezscale/app/workspaces/drivertest"
)

const desktopImage = "ezscale-test/desktop:1"

// TestEngine leads desktops through their lives on an engine that it starts itself.
func TestEngine(t *testing.T) {
	if !enginetest.Alone() {
		t.Fatal("run this by .ci/docker, which gives the engine a network of its own")
	}
	e := enginetest.Start(t)
	t.Log(e.Describe(t.Context()))
	program := enginetest.Program(t)
	e.Build(t, program, desktopImage)
	t.Run("promises", func(t *testing.T) { promises(t, e, program) })
	t.Run("a life", func(t *testing.T) { lifeOnEngine(t, e) })
	t.Run("the container", func(t *testing.T) { containerOnEngine(t, e) })
	t.Run("kept apart", func(t *testing.T) { apart(t, e) })
	t.Run("the home folder", func(t *testing.T) { homeOnEngine(t, e) })
	t.Run("use", func(t *testing.T) { useOnEngine(t, e) })
	t.Run("gauge and room", func(t *testing.T) { gaugeOnEngine(t, e) })
	t.Run("pull", func(t *testing.T) { pullOnEngine(t, e, program) })
	t.Run("full", func(t *testing.T) { fullOnEngine(t, e) })
	t.Run("kill", func(t *testing.T) { killOnEngine(t, e) })
	t.Run("restart of the engine", func(t *testing.T) { restartEngine(t, e) })
}

func engineDriver(t *testing.T, url string) *docker.Driver {
	t.Helper()
	d, err := docker.New(docker.Config{URL: url, MemoryOvercommit: 100, CPUOvercommit: 100})
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func promises(t *testing.T, e *enginetest.Engine, program []byte) {
	r := enginetest.NewRegistry(t, program)
	drivertest.Run(t, func(t *testing.T) drivertest.Subject {
		return drivertest.Subject{
			Driver: engineDriver(t, e.URL), Unreachable: engineDriver(t, "unix://"+t.TempDir()+"/nobody.sock"),
			Template: desktopImage, VCPU: 1, RAMMB: 256, Unknown: r.Image + ":none",
			Missing: strings.Repeat("0123456789abcdef", 4), Intents: true, Every: 50 * time.Millisecond,
		}
	})
}
