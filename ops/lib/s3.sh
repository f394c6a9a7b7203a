#!/usr/bin/env bash
# An S3 server that nobody on this project wrote, in target/s3: S3Proxy from Maven, which verifies signatures and their times.
set -euo pipefail
cd "$(dirname "$0")/../.."
s3=target/s3
[ -e $s3/.complete ] && exit
mkdir -p $s3
cat >$s3/pom.xml <<'POM'
<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>otaru</groupId><artifactId>s3</artifactId><version>1</version><packaging>pom</packaging>
  <dependencies>
    <dependency><groupId>org.gaul</groupId><artifactId>s3proxy</artifactId><version>2.6.0</version></dependency>
  </dependencies>
</project>
POM
# By itself it logs every byte that it parses.
cat >$s3/logback.xml <<'XML'
<configuration>
  <appender name="STDERR" class="ch.qos.logback.core.ConsoleAppender"><target>System.err</target>
    <encoder><pattern>%d %-5level %logger %msg%n</pattern></encoder></appender>
  <root level="warn"><appender-ref ref="STDERR"/></root>
</configuration>
XML
mvn -B -q -f $s3/pom.xml dependency:copy-dependencies -DincludeScope=runtime -DoutputDirectory=.
touch $s3/.complete
