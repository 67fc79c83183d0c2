import io.grpc.CallOptions;
import io.grpc.Grpc;
import io.grpc.InsecureChannelCredentials;
import io.grpc.ManagedChannel;
import io.grpc.MethodDescriptor;
import io.grpc.StatusRuntimeException;
import io.grpc.stub.ClientCalls;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** A proxyless gRPC client on grpc-java, the counterpart of grpc-client-main.ts: the same calls, the same lines. */
public final class GrpcXdsClient {
  private static final long EVERY_MS = 20;
  private static final long CALL_DEADLINE_MS = 2000;
  private static final Pattern PORT = Pattern.compile("\"port\":(\\d+)");

  private static final MethodDescriptor.Marshaller<String> TEXT =
      new MethodDescriptor.Marshaller<>() {
        @Override
        public InputStream stream(String value) {
          return new ByteArrayInputStream(value.getBytes(StandardCharsets.UTF_8));
        }

        @Override
        public String parse(InputStream stream) {
          try {
            return new String(stream.readAllBytes(), StandardCharsets.UTF_8);
          } catch (IOException error) {
            throw new UncheckedIOException(error);
          }
        }
      };

  public static void main(String[] args) throws InterruptedException {
    MethodDescriptor<String, String> say =
        MethodDescriptor.newBuilder(TEXT, TEXT)
            .setType(MethodDescriptor.MethodType.UNARY)
            .setFullMethodName("meshbridge.test.Echo/Say")
            .build();
    ManagedChannel channel = Grpc.newChannelBuilder(args[0], InsecureChannelCredentials.create()).build();
    while (!Thread.currentThread().isInterrupted()) {
      Thread.sleep(EVERY_MS);
      System.out.println(call(channel, say));
      System.out.flush();
    }
  }

  private static String call(ManagedChannel channel, MethodDescriptor<String, String> say) {
    CallOptions options = CallOptions.DEFAULT.withDeadlineAfter(CALL_DEADLINE_MS, TimeUnit.MILLISECONDS);
    try {
      String reply = ClientCalls.blockingUnaryCall(channel, say, options, "{}");
      Matcher found = PORT.matcher(reply);
      return found.find() ? "ok " + found.group(1) : "error 2 a reply without a port: " + reply;
    } catch (StatusRuntimeException error) {
      return "error " + error.getStatus().getCode().value() + " " + error.getStatus().getDescription();
    }
  }
}
