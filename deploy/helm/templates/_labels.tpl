{{- define "pressrun.labels" -}}
app.kubernetes.io/name: pressrun
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}
