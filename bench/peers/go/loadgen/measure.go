package main

import (
	"sort"
	"time"
)

// Clients that open: until each has every cluster and every endpoint it asked for.
type opened struct {
	startNs, lastNs int64
	settled         int
	firstNs         []int64
	bytes, messages int
}

// One change: until every client has acknowledged it.
type round struct {
	kind            string
	service         int
	value           uint64
	acked           map[int]int64
	bytes, messages int
	// Responses that did not carry what was expected: work that brought nothing new.
	strays int
}

// Changes without end: how old each was when it was acknowledged.
type staleness struct {
	sinceNs         int64
	samples         []int32
	bytes, messages int
}

var (
	opening  *opened
	current  *round
	watching *staleness
)

// Called with the lock, after the ACK was written.
func acknowledged(c *client, r *response, size int, now int64) {
	if o := opening; o != nil {
		o.bytes += size
		o.messages++
		o.lastNs = now
		if !c.settled && c.complete() {
			c.settled = true
			o.settled++
			o.firstNs = append(o.firstNs, now-c.startNs)
			if o.settled == len(clients) {
				go quiet(o)
			}
		}
	}
	if current != nil {
		current.take(c, r, size, now)
	}
	if watching != nil {
		watching.take(r, size, now)
	}
}

// Ends the opening once nothing more has come for half a second.
func quiet(o *opened) {
	for {
		time.Sleep(20 * time.Millisecond)
		mu.Lock()
		if monotonic()-o.lastNs > 500e6 {
			opening = nil
			say(map[string]any{"type": "settled", "ms": float64(o.lastNs-o.startNs) / 1e6, "firstMs": millis(o.firstNs),
				"bytes": o.bytes, "messages": o.messages, "retries": retries, "busy": busy.share()})
			mu.Unlock()
			return
		}
		mu.Unlock()
	}
}

func (r *round) take(c *client, response *response, size int, now int64) {
	wanted := endpointType
	if r.kind == "cds" {
		wanted = clusterType
	}
	carries := false
	if response.typeURL == wanted {
		for _, one := range response.resources {
			content := contentOf(wanted, one.name, one.body)
			carries = carries || (content.service == r.service && content.marker == r.value)
		}
	}
	r.bytes += size
	r.messages++
	if _, done := r.acked[c.index]; done || !carries {
		r.strays++
		return
	}
	r.acked[c.index] = now
	if len(r.acked) < len(clients) {
		return
	}
	current = nil
	times := make([]int64, 0, len(r.acked))
	for _, at := range r.acked {
		times = append(times, at)
	}
	say(map[string]any{"type": "round", "ackedNs": times, "bytes": r.bytes, "messages": r.messages, "strays": r.strays, "busy": busy.share()})
}

func (w *staleness) take(r *response, size int, now int64) {
	w.bytes += size
	w.messages++
	if r.typeURL != endpointType {
		return
	}
	tenths := (now - w.sinceNs) / 1e5
	for _, one := range r.resources {
		content := contentOf(endpointType, one.name, one.body)
		// Below: state from before the changes began.
		if content.marker > 1000 {
			w.samples = append(w.samples, int32(tenths-int64(content.marker)))
		}
	}
}

func (w *staleness) report() map[string]any {
	sort.Slice(w.samples, func(i, j int) bool { return w.samples[i] < w.samples[j] })
	at := func(share float64) float64 {
		if len(w.samples) == 0 {
			return -1
		}
		return float64(w.samples[min(len(w.samples)-1, int(share*float64(len(w.samples))))]) / 10
	}
	return map[string]any{"type": "report", "samples": len(w.samples), "p50Ms": at(0.5), "p99Ms": at(0.99), "maxMs": at(1),
		"bytes": w.bytes, "messages": w.messages, "busy": busy.share()}
}

// What the clients hold: whether all hold the same, and one digest for each service, for the oracle.
func state() map[string]any {
	clusters, endpoints, differing := map[int]uint64{}, map[int]uint64{}, 0
	sum := func(c *client, typeURL string, into map[int]uint64) (digest uint64) {
		for _, h := range c.held[typeURL].items {
			if h == nil || h.content.service < 0 {
				continue
			}
			digest += h.content.digest ^ uint64(h.content.service)*0x9e3779b97f4a7c15
			if into != nil {
				into[h.content.service] = h.content.digest
			}
		}
		return digest
	}
	var want [2]uint64
	for i, c := range clients {
		if c.stalled.Load() {
			continue
		}
		var intoClusters, intoEndpoints map[int]uint64
		if i == 0 {
			intoClusters, intoEndpoints = clusters, endpoints
		}
		have := [2]uint64{sum(c, clusterType, intoClusters), sum(c, endpointType, intoEndpoints)}
		if i == 0 {
			want = have
		} else if have != want {
			differing++
		}
	}
	return map[string]any{"type": "state", "differing": differing, "clusters": texts(clusters), "endpoints": texts(endpoints)}
}

func texts(of map[int]uint64) map[int]string {
	result := make(map[int]string, len(of))
	for service, digest := range of {
		result[service] = hex(digest)
	}
	return result
}

func millis(ns []int64) []float64 {
	result := make([]float64, len(ns))
	for i, n := range ns {
		result[i] = float64(n) / 1e6
	}
	return result
}
