package main

import (
	"context"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/ezscale/ezscale/app/bus"
	"github.com/ezscale/ezscale/app/live"
)

// metricsHandler shows how the process and its queues are doing.
func metricsHandler(b *bus.Bus, hub *live.Hub) http.Handler {
	registry := prometheus.NewRegistry()
	registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}), &queues{bus: b, hub: hub})
	return promhttp.HandlerFor(registry, promhttp.HandlerOpts{})
}

// queues reads the event queues once a scrape.
type queues struct {
	bus *bus.Bus
	hub *live.Hub
}

var (
	unpublishedDesc = prometheus.NewDesc("ezscale_events_unpublished", "Events that the stream has not taken yet.", nil, nil)
	undoneDesc      = prometheus.NewDesc("ezscale_events_undone", "Events that some consumer has still to act on.", nil, nil)
	lateDesc        = prometheus.NewDesc("ezscale_due_late", "Due times that have passed and are not done.", nil, nil)
	streamsDesc     = prometheus.NewDesc("ezscale_live_streams", "Open pages that listen for changes.", nil, nil)
)

// Describe names the figures.
func (q *queues) Describe(out chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{unpublishedDesc, undoneDesc, lateDesc, streamsDesc} {
		out <- d
	}
}

// Collect reads the figures; a database that does not answer leaves them out.
func (q *queues) Collect(out chan<- prometheus.Metric) {
	out <- prometheus.MustNewConstMetric(streamsDesc, prometheus.GaugeValue, float64(q.hub.Open()))
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	stats, err := q.bus.Stats(ctx)
	if err != nil {
		return
	}
	out <- prometheus.MustNewConstMetric(unpublishedDesc, prometheus.GaugeValue, float64(stats.Unpublished))
	out <- prometheus.MustNewConstMetric(undoneDesc, prometheus.GaugeValue, float64(stats.Undone))
	out <- prometheus.MustNewConstMetric(lateDesc, prometheus.GaugeValue, float64(stats.DueLate))
}
