import java.util.List;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.apache.dubbo.common.URL;
import org.apache.dubbo.config.ApplicationConfig;
import org.apache.dubbo.registry.Registry;
import org.apache.dubbo.registry.RegistryFactory;
import org.apache.dubbo.registry.client.ServiceDiscovery;
import org.apache.dubbo.registry.client.ServiceDiscoveryFactory;
import org.apache.dubbo.registry.client.ServiceInstance;
import org.apache.dubbo.rpc.model.ApplicationModel;
import org.apache.dubbo.rpc.model.FrameworkModel;

/**
 * Prints what a Dubbo consumer's own registry code finds: arguments are the server and the interface, whose providers it is told
 * of below /dubbo; and an application, whose instances it finds below /services.
 */
public class DubboConsumer {
  public static void main(String[] arguments) throws Exception {
    String server = arguments[0];
    String service = arguments[1];
    ApplicationModel application = FrameworkModel.defaultModel().newApplication();
    application.getApplicationConfigManager().setApplication(new ApplicationConfig("consumer"));
    URL address = URL.valueOf("zookeeper://" + server).setScopeModel(application);

    RegistryFactory factory = application.getExtensionLoader(RegistryFactory.class).getAdaptiveExtension();
    Registry registry = factory.getRegistry(address);
    BlockingQueue<List<URL>> told = new LinkedBlockingQueue<>();
    String query = "?category=providers&check=false&interface=" + service;
    registry.subscribe(URL.valueOf("consumer://127.0.0.1/" + service + query).setScopeModel(application), told::add);
    List<URL> providers = told.poll(20, TimeUnit.SECONDS);
    if (providers != null)
      for (URL url : providers)
        System.out.println("provider " + url.getProtocol() + " " + url.getAddress() + " " + url.getServiceInterface() + " weight=" + url.getParameter("weight"));

    if (arguments.length > 2) {
      ServiceDiscovery discovery = ServiceDiscoveryFactory.getExtension(address).getServiceDiscovery(address);
      for (ServiceInstance instance : discovery.getInstances(arguments[2]))
        System.out.println("instance " + instance.getServiceName() + " " + instance.getHost() + ":" + instance.getPort() + " " + instance.getMetadata("dubbo.endpoints"));
    }
    System.out.flush();
    // Its threads are no daemons.
    Runtime.getRuntime().halt(0);
  }
}
