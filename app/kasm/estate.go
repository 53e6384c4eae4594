package kasm

import (
	"context"
	"time"
)

// Zone is one of the server's places.
type Zone struct {
	ID          string
	Name        string
	AutoScaling bool // machines are added when there are too few
}

// Licence is one that is activated on the server.
type Licence struct {
	ID       string
	Type     string // such as Per Concurrent Kasm
	SKU      string
	IssuedTo string
	Limit    int // desktops at once or named users, by type; 0 when Kasm does not say
	Verified bool
	Issued   time.Time
	Expires  time.Time
	Features []string // sorted; developer_api is the one this client needs
}

// Agent is a machine that runs desktops.
type Agent struct {
	ID          string
	ServerID    string
	Hostname    string
	Status      string
	ZoneID      string
	Enabled     bool
	Cores       float64
	MemoryBytes int64
	GPUs        int
	MaxKasms    int // desktops at once; 0 when only its size limits them
}

// AgentLoad is how full an agent is. Sizes are in bytes.
type AgentLoad struct {
	Name        string
	ServerID    string
	Health      string
	Kasms       int
	MemoryTotal int64
	MemoryUsed  int64
	MemoryFree  int64
	DiskTotal   int64
	DiskUsed    int64
	DiskFree    int64
}

// PastSession is one desktop that was, as Kasm remembers it. End is zero while it
// still is.
type PastSession struct {
	KasmID   string
	UserID   string
	Username string
	ImageID  string
	Start    time.Time
	End      time.Time
}

// Zones lists the server's places.
func (c *Client) Zones(ctx context.Context) ([]Zone, error) {
	return readList(ctx, c, "get_zones", "/api/public/get_zones", decodeZones)
}

// Licences lists what the server is licensed for.
func (c *Client) Licences(ctx context.Context) ([]Licence, error) {
	return readList(ctx, c, "get_licenses", "/api/public/get_licenses", decodeLicences)
}

// Agents lists the machines that run desktops. Part of Kasm's admin API.
func (c *Client) Agents(ctx context.Context) ([]Agent, error) {
	return readList(ctx, c, "get_agents", "/api/admin/get_agents", decodeAgents)
}

// AgentReport tells how full each machine is. Part of Kasm's admin API.
func (c *Client) AgentReport(ctx context.Context) ([]AgentLoad, error) {
	return readList(ctx, c, "get_agent_report", "/api/admin/get_agent_report", decodeAgentReport)
}

// SessionHistory tells which desktops there were. Kasm has it since 1.15, outside
// its documented API and in a shape that is not written down anywhere: compare with
// it, never bill from it. See Error.Missing for a server without it.
func (c *Client) SessionHistory(ctx context.Context) ([]PastSession, error) {
	return readList(ctx, c, "get_session_history", "/api/admin/get_session_history", decodeHistory)
}

func readList[T any](ctx context.Context, c *Client, op, path string, decode func([]byte) ([]T, bool)) ([]T, error) {
	data, err := c.readAt(ctx, op, path, nil)
	if err != nil {
		return nil, err
	}
	items, ok := decode(data)
	if !ok {
		return nil, unreadable(op)
	}
	return items, nil
}
