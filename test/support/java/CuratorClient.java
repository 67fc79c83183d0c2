import org.apache.curator.framework.CuratorFramework;
import org.apache.curator.framework.CuratorFrameworkFactory;
import org.apache.curator.retry.RetryOneTime;
import org.apache.curator.x.discovery.ServiceDiscovery;
import org.apache.curator.x.discovery.ServiceDiscoveryBuilder;
import org.apache.curator.x.discovery.ServiceInstance;

/** Prints every instance that Curator's own service discovery finds: arguments are the servers and the base path. */
public class CuratorClient {
  public static void main(String[] arguments) throws Exception {
    try (CuratorFramework client = CuratorFrameworkFactory.newClient(arguments[0], new RetryOneTime(100))) {
      client.start();
      try (ServiceDiscovery<Object> discovery =
          ServiceDiscoveryBuilder.builder(Object.class).basePath(arguments[1]).client(client).build()) {
        discovery.start();
        for (String name : discovery.queryForNames())
          for (ServiceInstance<Object> instance : discovery.queryForInstances(name))
            System.out.println(name + " " + instance.buildUriSpec() + " " + instance.getServiceType() + " " + instance.isEnabled());
      }
    }
  }
}
