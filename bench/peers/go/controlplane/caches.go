package main

import (
	"context"
	"fmt"

	"github.com/envoyproxy/go-control-plane/pkg/cache/types"
	cache "github.com/envoyproxy/go-control-plane/pkg/cache/v3"
	resource "github.com/envoyproxy/go-control-plane/pkg/resource/v3"
)

type serverCache = cache.Cache

// One LinearCache a type behind a MuxCache; UpdateResources is its cheap way to change a few.
type linear struct {
	fleet               *fleet
	clusters, endpoints *cache.LinearCache
	mux                 *cache.MuxCache
}

func newLinear(f *fleet) *linear {
	clusters, endpoints := cache.NewLinearCache(resource.ClusterType), cache.NewLinearCache(resource.EndpointType)
	return &linear{f, clusters, endpoints, &cache.MuxCache{
		Classify:      func(r *cache.Request) string { return r.GetTypeUrl() },
		ClassifyDelta: func(r *cache.DeltaRequest) string { return r.GetTypeUrl() },
		Caches:        map[string]cache.Cache{resource.ClusterType: clusters, resource.EndpointType: endpoints},
	}}
}

func (l *linear) cache() serverCache { return l.mux }

func (l *linear) changed(clusters, endpoints []int) {
	update(l.endpoints, endpoints, func(i int) types.Resource { return l.fleet.assignment(i) })
	update(l.clusters, clusters, func(i int) types.Resource { return l.fleet.cluster(i) })
}

func update(to *cache.LinearCache, services []int, make_ func(int) types.Resource) {
	if len(services) == 0 {
		return
	}
	resources := make(map[string]types.Resource, len(services))
	for _, i := range services {
		resources[name(i)] = make_(i)
	}
	check(to.UpdateResources(resources, nil))
}

// A SnapshotCache: what has not changed is handed over again with its old version.
type snapshots struct {
	fleet               *fleet
	all                 cache.SnapshotCache
	clusters, endpoints map[string]types.ResourceWithTTL
	version             int
}

func newSnapshots(f *fleet) *snapshots {
	return &snapshots{f, cache.NewSnapshotCache(true, oneNode{}, nil), map[string]types.ResourceWithTTL{}, map[string]types.ResourceWithTTL{}, 0}
}

func (s *snapshots) cache() serverCache { return s.all }

func (s *snapshots) changed(clusters, endpoints []int) {
	for _, i := range clusters {
		s.clusters[name(i)] = types.ResourceWithTTL{Resource: s.fleet.cluster(i)}
	}
	for _, i := range endpoints {
		s.endpoints[name(i)] = types.ResourceWithTTL{Resource: s.fleet.assignment(i)}
	}
	s.version++
	version := fmt.Sprint(s.version)
	snapshot := &cache.Snapshot{}
	snapshot.Resources[types.Cluster] = cache.Resources{Version: version, Items: clone(s.clusters)}
	snapshot.Resources[types.Endpoint] = cache.Resources{Version: version, Items: clone(s.endpoints)}
	check(s.all.SetSnapshot(context.Background(), "all", snapshot))
}

func clone(of map[string]types.ResourceWithTTL) map[string]types.ResourceWithTTL {
	result := make(map[string]types.ResourceWithTTL, len(of))
	for key, value := range of {
		result[key] = value
	}
	return result
}
