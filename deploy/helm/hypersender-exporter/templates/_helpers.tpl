{{- define "hypersender-exporter.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" }}
{{- end }}

{{- /* At most 52 characters: the name of a StatefulSet's pods and their revision label must fit into 63. */}}
{{- define "hypersender-exporter.fullname" -}}
{{- $name := default .Chart.Name .Values.nameOverride }}
{{- if .Values.fullnameOverride }}
{{- .Values.fullnameOverride | trunc 52 | trimSuffix "-" }}
{{- else if contains $name .Release.Name }}
{{- .Release.Name | trunc 52 | trimSuffix "-" }}
{{- else }}
{{- printf "%s-%s" .Release.Name $name | trunc 52 | trimSuffix "-" }}
{{- end }}
{{- end }}

{{- define "hypersender-exporter.selectorLabels" -}}
app.kubernetes.io/name: {{ include "hypersender-exporter.name" . | quote }}
app.kubernetes.io/instance: {{ .Release.Name | quote }}
{{- end }}

{{- define "hypersender-exporter.labels" -}}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{ include "hypersender-exporter.selectorLabels" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/part-of: {{ .Chart.Name }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- with .Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{- define "hypersender-exporter.serviceAccountName" -}}
{{- if .Values.serviceAccount.create }}
{{- default (include "hypersender-exporter.fullname" .) .Values.serviceAccount.name }}
{{- else }}
{{- default "default" .Values.serviceAccount.name }}
{{- end }}
{{- end }}

{{- define "hypersender-exporter.image" -}}
{{- $name := printf "%s/%s" .Values.image.registry .Values.image.repository | trimPrefix "/" }}
{{- if .Values.image.digest }}
{{- printf "%s@%s" $name .Values.image.digest }}
{{- else }}
{{- printf "%s:%s" $name (default .Chart.AppVersion .Values.image.tag) }}
{{- end }}
{{- end }}

{{- /* The port at which the Service's name is reached: a Service without an address of its own translates no ports. */}}
{{- define "hypersender-exporter.port" -}}
{{- and (eq .Values.service.type "ClusterIP") (eq .Values.service.clusterIP "None") | ternary 10058 (int .Values.service.port) }}
{{- end }}

{{- /* The Secret with the API keys; empty where there is none. */}}
{{- define "hypersender-exporter.secretName" -}}
{{- if .Values.existingSecret }}
{{- .Values.existingSecret }}
{{- else if .Values.token }}
{{- include "hypersender-exporter.fullname" . }}
{{- end }}
{{- end }}

{{- /* Says what is missing or at odds, before anything is installed that would not run. */}}
{{- define "hypersender-exporter.check" -}}
{{- $ways := 0 }}
{{- if .Values.demo }}{{ $ways = add1 $ways }}{{ end }}
{{- if or .Values.existingSecret .Values.token .Values.accounts }}{{ $ways = add1 $ways }}{{ end }}
{{- if eq (int $ways) 0 }}
{{- fail "Nothing to watch: set existingSecret to a Secret that holds the API key, or accounts, or demo=true to try it." }}
{{- else if gt (int $ways) 1 }}
{{- fail "demo=true needs no key: leave out existingSecret, token and accounts." }}
{{- end }}
{{- if and .Values.existingSecret .Values.token }}
{{- fail "Set either existingSecret or token, not both." }}
{{- end }}
{{- if and .Values.accounts .Values.token }}
{{- fail "token is for one account; put the keys of accounts into a Secret and name it in existingSecret." }}
{{- end }}
{{- if and .Values.sharding.enabled (not .Values.accounts) }}
{{- fail "sharding.enabled divides accounts: set accounts." }}
{{- end }}
{{- range .Values.accounts }}
{{- if and .token_file (not $.Values.existingSecret) }}
{{- fail (printf "account %s names a token_file: set existingSecret to the Secret that has it as a key." .name) }}
{{- end }}
{{- end }}
{{- end }}

{{- define "hypersender-exporter.podTemplate" -}}
metadata:
  labels:
    {{- include "hypersender-exporter.selectorLabels" . | nindent 4 }}
    {{- with .Values.commonLabels }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
    {{- with .Values.podLabels }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
  {{- if or .Values.podAnnotations .Values.accounts }}
  annotations:
    {{- if .Values.accounts }}
    # Starts the pods anew when the accounts change.
    checksum/accounts: {{ toYaml .Values.accounts | sha256sum }}
    {{- end }}
    {{- with .Values.podAnnotations }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
  {{- end }}
spec:
  serviceAccountName: {{ include "hypersender-exporter.serviceAccountName" . }}
  # The exporter asks nothing of the Kubernetes API.
  automountServiceAccountToken: false
  enableServiceLinks: false
  terminationGracePeriodSeconds: {{ .Values.terminationGracePeriodSeconds }}
  {{- with .Values.imagePullSecrets }}
  imagePullSecrets:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with .Values.priorityClassName }}
  priorityClassName: {{ . }}
  {{- end }}
  securityContext:
    {{- toYaml .Values.podSecurityContext | nindent 4 }}
  containers:
    - name: exporter
      image: {{ include "hypersender-exporter.image" . | quote }}
      imagePullPolicy: {{ .Values.image.pullPolicy }}
      args:
        {{- if .Values.demo }}
        - --demo
        {{- else if .Values.accounts }}
        - --config.file=/etc/hypersender-exporter/accounts.yaml
        {{- else }}
        - --hypersender.token-file=/etc/hypersender-exporter/token
        {{- end }}
        {{- if .Values.sharding.enabled }}
        - --shard-from-hostname
        - --total-shards={{ .Values.sharding.replicas }}
        {{- end }}
        # Said although it is the default, because --demo by itself listens on loopback only.
        - --web.listen-address=:10058
        {{- if .Values.webConfig.existingSecret }}
        - --web.config.file=/etc/hypersender-exporter-web/{{ .Values.webConfig.key }}
        {{- end }}
        {{- range .Values.extraArgs }}
        - {{ . | quote }}
        {{- end }}
      {{- with .Values.extraEnv }}
      env:
        {{- toYaml . | nindent 8 }}
      {{- end }}
      ports:
        - name: metrics
          containerPort: 10058
          protocol: TCP
      livenessProbe:
        httpGet:
          path: /-/healthy
          port: metrics
          {{- if .Values.webConfig.tls }}
          scheme: HTTPS
          {{- end }}
        {{- toYaml .Values.livenessProbe | nindent 8 }}
      readinessProbe:
        httpGet:
          path: /-/ready
          port: metrics
          {{- if .Values.webConfig.tls }}
          scheme: HTTPS
          {{- end }}
        {{- toYaml .Values.readinessProbe | nindent 8 }}
      resources:
        {{- toYaml .Values.resources | nindent 8 }}
      securityContext:
        {{- toYaml .Values.securityContext | nindent 8 }}
      {{- if or (not .Values.demo) .Values.webConfig.existingSecret .Values.extraVolumeMounts }}
      volumeMounts:
        {{- if not .Values.demo }}
        # The directory and not the file alone (subPath), so that a rotated key reaches the running exporter.
        - name: configuration
          mountPath: /etc/hypersender-exporter
          readOnly: true
        {{- end }}
        {{- if .Values.webConfig.existingSecret }}
        - name: web-configuration
          mountPath: /etc/hypersender-exporter-web
          readOnly: true
        {{- end }}
        {{- with .Values.extraVolumeMounts }}
        {{- toYaml . | nindent 8 }}
        {{- end }}
      {{- end }}
  {{- if or (not .Values.demo) .Values.webConfig.existingSecret .Values.extraVolumes }}
  volumes:
    {{- if not .Values.demo }}
    - name: configuration
      projected:
        defaultMode: 0440
        sources:
          {{- if .Values.accounts }}
          - configMap:
              name: {{ include "hypersender-exporter.fullname" . }}-accounts
          {{- end }}
          {{- with include "hypersender-exporter.secretName" . }}
          - secret:
              name: {{ . }}
              {{- if not $.Values.accounts }}
              items:
                - key: {{ ternary $.Values.existingSecretKey "token" (not (empty $.Values.existingSecret)) }}
                  path: token
              {{- end }}
          {{- end }}
    {{- end }}
    {{- with .Values.webConfig.existingSecret }}
    - name: web-configuration
      secret:
        secretName: {{ . }}
        defaultMode: 0440
    {{- end }}
    {{- with .Values.extraVolumes }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
  {{- end }}
  {{- with .Values.nodeSelector }}
  nodeSelector:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with .Values.affinity }}
  affinity:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with .Values.tolerations }}
  tolerations:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with .Values.topologySpreadConstraints }}
  topologySpreadConstraints:
    {{- toYaml . | nindent 4 }}
  {{- end }}
{{- end }}
