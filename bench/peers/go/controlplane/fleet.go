package main

import (
	"fmt"
	"time"

	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	endpointv3 "github.com/envoyproxy/go-control-plane/envoy/config/endpoint/v3"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/structpb"
	"google.golang.org/protobuf/types/known/wrapperspb"
)

// The services of the benchmark: the same clusters and endpoints as the bridge makes of them.
type fleet struct {
	instances int
	// The weight of each service's first instance, and its cluster's connect timeout in ms.
	weights  []uint32
	timeouts []int
}

func (f *fleet) load(services, instances int) []int {
	f.instances = instances
	f.weights, f.timeouts = make([]uint32, services), make([]int, services)
	all := make([]int, services)
	for i := range all {
		all[i], f.weights[i], f.timeouts[i] = i, 1, 5000
	}
	return all
}

func (f *fleet) setWeight(service int, weight uint32) { f.weights[service] = weight }
func (f *fleet) setTimeout(service, ms int)           { f.timeouts[service] = ms }

func name(service int) string { return fmt.Sprintf("default/svc-%05d/http", service) }

func (f *fleet) cluster(service int) *clusterv3.Cluster {
	return &clusterv3.Cluster{
		Name:                 name(service),
		ClusterDiscoveryType: &clusterv3.Cluster_Type{Type: clusterv3.Cluster_EDS},
		EdsClusterConfig: &clusterv3.Cluster_EdsClusterConfig{ServiceName: name(service), EdsConfig: &corev3.ConfigSource{
			ConfigSourceSpecifier: &corev3.ConfigSource_Ads{Ads: &corev3.AggregatedConfigSource{}},
			ResourceApiVersion:    corev3.ApiVersion_V3,
			InitialFetchTimeout:   durationpb.New(15 * time.Second),
		}},
		ConnectTimeout: durationpb.New(time.Duration(f.timeouts[service]) * time.Millisecond),
		CommonLbConfig: &clusterv3.Cluster_CommonLbConfig{
			LocalityConfigSpecifier: &clusterv3.Cluster_CommonLbConfig_LocalityWeightedLbConfig_{
				LocalityWeightedLbConfig: &clusterv3.Cluster_CommonLbConfig_LocalityWeightedLbConfig{},
			},
			UpdateMergeWindow: durationpb.New(0),
		},
		IgnoreHealthOnHostRemoval: true,
		Metadata:                  metadata(map[string]any{"namespace": "default", "service": fmt.Sprintf("svc-%05d", service), "port": "http"}),
	}
}

func (f *fleet) assignment(service int) *endpointv3.ClusterLoadAssignment {
	endpoints := make([]*endpointv3.LbEndpoint, f.instances)
	for i := range endpoints {
		weight := uint32(1)
		if i == 0 {
			weight = f.weights[service]
		}
		endpoints[i] = &endpointv3.LbEndpoint{
			HostIdentifier: &endpointv3.LbEndpoint_Endpoint{Endpoint: &endpointv3.Endpoint{Address: &corev3.Address{
				Address: &corev3.Address_SocketAddress{SocketAddress: &corev3.SocketAddress{
					Address: address(service*f.instances + i), PortSpecifier: &corev3.SocketAddress_PortValue{PortValue: 8080},
				}},
			}}},
			HealthStatus:        corev3.HealthStatus_HEALTHY,
			LoadBalancingWeight: wrapperspb.UInt32(weight),
			Metadata: metadata(map[string]any{
				"registry": "bench", "scope": "all", "instance": fmt.Sprintf("i-%d", i), "cluster": "c1",
			}),
		}
	}
	return &endpointv3.ClusterLoadAssignment{
		ClusterName: name(service),
		Endpoints: []*endpointv3.LocalityLbEndpoints{{
			Locality: &corev3.Locality{}, LoadBalancingWeight: wrapperspb.UInt32(1), LbEndpoints: endpoints,
		}},
		Policy: &endpointv3.ClusterLoadAssignment_Policy{OverprovisioningFactor: wrapperspb.UInt32(140)},
	}
}

func address(index int) string {
	host := index + 1
	return fmt.Sprintf("10.%d.%d.%d", host>>16&255, host>>8&255, host&255)
}

func metadata(fields map[string]any) *corev3.Metadata {
	value, err := structpb.NewStruct(fields)
	check(err)
	return &corev3.Metadata{FilterMetadata: map[string]*structpb.Struct{"meshbridge.io": value}}
}
