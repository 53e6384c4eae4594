package docker

import (
	"context"
	"encoding/json"
	"strconv"
	"sync"
	"time"

	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/client"

	"github.com/ezscale/ezscale/app/workspaces"
)

// Room is what the machine has, times what may be promised of it, without what the
// desktops that run were promised. One desktop never gets more than the machine has.
func (d *Driver) Room(ctx context.Context) (workspaces.Room, error) {
	info, err := d.engine.Info(ctx, client.InfoOptions{})
	if err != nil {
		return workspaces.Room{}, hostError(err)
	}
	listed, err := d.engine.ContainerList(ctx, everyDesktop())
	if err != nil {
		return workspaces.Room{}, hostError(err)
	}
	cpu, memory := int64(info.Info.NCPU)*1000, info.Info.MemTotal>>20
	space := workspaces.Space{MilliCPU: int64(float64(cpu) * d.config.CPUOvercommit), RAMMB: int64(float64(memory) * d.config.MemoryOvercommit)}
	for _, c := range listed.Items {
		if s := stateOf(c.State); s == workspaces.HostRunning || s == workspaces.HostStarting || s == workspaces.HostPaused {
			space.MilliCPU -= 1000 * number(c.Labels[labelVCPU])
			space.RAMMB -= number(c.Labels[labelRAM])
		}
	}
	space.MilliCPU, space.RAMMB = min(max(space.MilliCPU, 0), cpu), min(max(space.RAMMB, 0), memory)
	return workspaces.Room{Known: true, Free: -1, Spaces: []workspaces.Space{space}}, nil
}

func number(text string) int64 {
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return 0 // somebody else's label
	}
	return n
}

const (
	betweenSamples = time.Second     // the engine lets who asks more often wait
	sampleFor      = 3 * time.Minute // how long one may be compared with
)

// sample is what a desktop had used at a moment.
type sample struct {
	at    time.Time // on the engine's clock
	taken time.Time // on ours
	cpu   uint64    // nanoseconds of CPU since its start
	gauge workspaces.Gauge
}

type samples struct {
	mu   sync.Mutex
	last map[string]sample
}

// Gauge tells what a desktop uses: of the CPU since the look before this one, which
// is a minute ago at most for one that is listed, or since its start.
func (d *Driver) Gauge(ctx context.Context, user, id string) (workspaces.Gauge, error) {
	c, err := d.desktop(ctx, user, id)
	if err != nil {
		return workspaces.Gauge{}, err
	}
	if c.State.Status != container.StateRunning {
		return workspaces.Gauge{}, notReady("the desktop does not run")
	}
	return d.measure(ctx, id, c.State.StartedAt)
}

func (d *Driver) measure(ctx context.Context, id, startedAt string) (workspaces.Gauge, error) {
	started, _ := time.Parse(time.RFC3339Nano, startedAt) // zero when the engine does not say
	before, again := d.samples.before(id, started)
	if again && d.now().Sub(before.taken).Abs() < betweenSamples {
		return before.gauge, nil
	}
	now, err := d.sample(ctx, id)
	if err != nil {
		return workspaces.Gauge{}, err
	}
	if passed := now.at.Sub(before.at); !before.at.IsZero() && passed > 0 && now.cpu >= before.cpu {
		percent := 100 * float64(now.cpu-before.cpu) / float64(passed)
		now.gauge.CPUPercent = &percent
	}
	d.samples.keep(id, now)
	return now.gauge, nil
}

// before is what a sample is compared with: the last one of this start, or the start
// itself, when nothing was used yet.
func (s *samples) before(id string, started time.Time) (from sample, again bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if last, ok := s.last[id]; ok && last.at.After(started) {
		return last, true
	}
	return sample{at: started}, false
}

// keep remembers a sample, and forgets those that are too old to be of use.
func (s *samples) keep(id string, now sample) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for other, old := range s.last {
		if now.at.Sub(old.at) > sampleFor {
			delete(s.last, other)
		}
	}
	s.last[id] = now
}

func (d *Driver) sample(ctx context.Context, id string) (sample, error) {
	got, err := d.engine.ContainerStats(ctx, id, client.ContainerStatsOptions{})
	if err != nil {
		return sample{}, d.acted(err, id)
	}
	defer got.Body.Close()
	var s container.StatsResponse
	if err := json.NewDecoder(got.Body).Decode(&s); err != nil {
		return sample{}, hostError(err)
	}
	if s.Read.IsZero() || s.MemoryStats.Usage == 0 {
		return sample{}, notReady("the desktop does not run")
	}
	ram := int64(memoryOf(s.MemoryStats) >> 20)
	return sample{at: s.Read, taken: d.now(), cpu: s.CPUStats.CPUUsage.TotalUsage, gauge: workspaces.Gauge{RAMMB: &ram}}, nil
}

// memoryOf leaves out the page cache that can be given back at any time, as
// Docker's own tools do. Control groups of version 1 and 2 name it differently.
func memoryOf(m container.MemoryStats) uint64 {
	cache, v1 := m.Stats["total_inactive_file"]
	if !v1 {
		cache = m.Stats["inactive_file"]
	}
	if cache > m.Usage {
		return m.Usage
	}
	return m.Usage - cache
}
