{{/* The agent's image: by its digest if there is one. */}}
{{- define "shunt.image" -}}
{{- if .Values.image.digest -}}
{{ .Values.image.repository }}@{{ .Values.image.digest }}
{{- else -}}
{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}
{{- end -}}
{{- end -}}

{{/* kube-proxy has 10256 and 10249. */}}
{{- define "shunt.healthzPort" -}}
{{- if .Values.healthz.port -}}{{ .Values.healthz.port }}{{- else if .Values.besideKubeProxy -}}10356{{- else -}}10256{{- end -}}
{{- end -}}
{{- define "shunt.metricsPort" -}}
{{- if .Values.metrics.port -}}{{ .Values.metrics.port }}{{- else if .Values.besideKubeProxy -}}10349{{- else -}}10249{{- end -}}
{{- end -}}

{{/* What the pods of the agent and of cleanup have in common, but for their nodes. */}}
{{- define "shunt.podSettings" -}}
priorityClassName: {{ .Values.priorityClassName }}
hostNetwork: true
{{- if .Values.imagePullSecrets }}
imagePullSecrets:
  {{- toYaml .Values.imagePullSecrets | nindent 2 }}
{{- end }}
tolerations:
  {{- toYaml .Values.tolerations | nindent 2 }}
terminationGracePeriodSeconds: 10
securityContext:
  {{- toYaml .Values.podSecurityContext | nindent 2 }}
{{- end -}}

{{/* A pod that takes all of Shunt out of the kernel and then waits to be stopped. Its nodes are the caller's choice. */}}
{{- define "shunt.cleanupPod" -}}
automountServiceAccountToken: false
{{ include "shunt.podSettings" . }}
containers:
  - name: cleanup
    image: {{ include "shunt.image" . | quote }}
    imagePullPolicy: {{ .Values.image.pullPolicy }}
    args:
      - cleanup
      - --stay
      - --bpffs=/host/bpf
    securityContext:
      {{- toYaml .Values.securityContext | nindent 6 }}
      capabilities:
        drop: [ALL]
        add: [BPF, NET_ADMIN, PERFMON]
    resources:
      requests:
        cpu: 10m
        memory: 32Mi
    volumeMounts:
      - name: bpffs
        mountPath: /host/bpf
        mountPropagation: HostToContainer
      - name: cgroup
        mountPath: /host/cgroup
        readOnly: true
      - name: sysctl
        mountPath: /host/proc/sys/net
volumes:
  - name: bpffs
    hostPath:
      path: /sys/fs/bpf
      type: Directory
  - name: cgroup
    hostPath:
      path: /sys/fs/cgroup
      type: Directory
  - name: sysctl
    hostPath:
      path: /proc/sys/net
      type: Directory
{{- end -}}
